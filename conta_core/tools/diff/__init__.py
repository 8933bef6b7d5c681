"""What differs between two files, rounds or runs.

``comparison``: what is found. ``measures``: how two images of a kind of store are compared.
``images`` (stores, folders of masks), ``scores``, ``runs``: the comparisons. ``compare``: whichever
two paths need. ``picture``: the images that changed most, drawn.
"""
