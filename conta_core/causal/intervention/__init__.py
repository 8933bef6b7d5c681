"""The back-door adjustment carried out on the images (docs/method.md, "The intervention").

P(Y|do(X)) = sum_c P(Y|X, c) P(c) asks for every object in every context. Here objects
are cut out by their pseudo-masks and set into the contexts of other images (for the classifier by
the masks of the round before, for the segmentation model by the round's own), and contexts are
shown without their objects. By what round 0 found, :mod:`.threshold` chooses the later thresholds.
"""
