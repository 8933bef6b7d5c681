"""The causal step: CONTA's context M, and the intervention on the images."""
