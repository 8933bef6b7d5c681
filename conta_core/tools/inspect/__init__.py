"""Looking into what the workflow writes: what a file is, its images, an image's arrays.

``recognise``: which kind of file. ``stores``, ``score_files`` and ``other_files``: the properties
of a file, one after the other as they are found. ``images``: its images by page, name and class.
``arrays``: one image.
"""
