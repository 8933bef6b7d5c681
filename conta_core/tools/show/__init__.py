"""What ``conta show`` draws: stores, masks and runs as sheets of pictures.

``targets`` finds out what a path is; ``scene`` has the photograph and the ground truth; ``maps``,
``masks``, ``context`` and ``rounds`` each draw a kind of thing with ``conta_core.images.drawing``.
What a store's arrays mean is asked of ``conta_core.evaluation.store_kinds``.
"""
