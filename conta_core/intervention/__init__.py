"""The back-door adjustment carried out on the images (docs/method.md, "The intervention").

P(Y|do(X)) = sum_c P(Y|X, c) P(c) asks for every object in every context. Here the objects that
the round before found are cut out by their pseudo-masks and set into the contexts of other
images, and contexts are shown without their objects.
"""
