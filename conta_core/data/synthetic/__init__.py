"""Data sets that are made: context-shapes, and painted masks of VOC."""
