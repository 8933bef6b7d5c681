"""What each kind of store means: one class a kind, and :data:`.registry.KINDS`.

``kind``: what every class tells. ``labels``, ``maps``, ``objects``, ``context``, ``confounders``:
the classes. ``images``: the images of a store or of a folder of masks, one by one.
The arrays of each kind are in :mod:`conta_core.storage.stores.kinds`.
"""
