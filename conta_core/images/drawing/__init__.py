"""Pixels and figures: arrays in, pictures out; nothing here knows a store or a run.

``colour_maps`` and ``label_colours``: values and labels as colours, alone and over an image.
``legends``: legends drawn into arrays. ``data_uri``: pixels inside a page. ``cells`` and
``blocks``: what stands on a sheet. ``sheet``: a sheet as a matplotlib figure, and as a file. Only
``lettering`` and the modules of the sheet import matplotlib, which takes a moment.
"""
