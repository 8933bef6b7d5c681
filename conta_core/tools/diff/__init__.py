"""What differs between two files, rounds or runs.

``comparison``: what is found. ``images`` (stores, folders of masks), ``scores``, ``runs``: the
comparisons. ``compare``: whichever two paths need. ``picture``: the images that changed most,
drawn with ``conta_core.images.drawing``.
"""
