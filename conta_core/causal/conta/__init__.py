"""CONTA's own step: the confounder set, the attention over it, the context M."""
