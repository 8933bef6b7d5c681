"""Training: augmented views, cached frozen features, optimisation."""
