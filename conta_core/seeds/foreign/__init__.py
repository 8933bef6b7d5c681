"""CAMs that other programs made, as seeds."""
