"""Seeds: the maps from which pseudo-masks grow."""
