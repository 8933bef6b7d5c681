"""Pixels and figures: arrays in, pictures out; nothing here knows a store or a run.

``colour_maps`` and ``label_colours``: values and labels as uint8 RGB. ``cells`` and ``blocks``:
what stands on a sheet. ``sheet``: a sheet as a matplotlib figure, and as a file.
"""
