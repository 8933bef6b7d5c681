"""Data sets: the manifest, photographs, masks, and what checks them."""
