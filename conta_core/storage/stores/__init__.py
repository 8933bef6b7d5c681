"""The HDF5 stores: the only package that knows their format.

``kinds``: what each kind of store holds. ``writer`` and ``reader``: whole stores.
``parts``: a store in the making, by one job of several. ``gathering``: parts to store.
"""
