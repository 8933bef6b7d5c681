"""A placebo of the causal step: every image gets the context M of another image of its list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.errors import ContaError
from conta_core.runtime.seeding import numpy_generator


def shuffle_places(sizes: Sequence[int], draws: Sequence[int | str]) -> np.ndarray:
    """Whose M each image gets: a random cycle through each list, so that none gets its own.

    Args:
        sizes: images of each list; the lists lie behind one another.
        draws: parts of the seed.

    Returns:
        int64 (sum of sizes,): the place of the image whose M goes to the image at this place.

    Raises:
        ContaError: a list with a single image, which has no other.
    """
    parts, start = [], 0
    for number, size in enumerate(sizes):
        if size == 1:
            raise ContaError(
                "context.assignment is shuffled, but a list adds a single image, which cannot get "
                "the context of another; give the list more images, or set it to own"
            )
        order = numpy_generator(*draws, number).permutation(size)
        part = np.empty(size, dtype=np.int64)
        part[order] = np.roll(order, -1)
        parts.append(start + part)
        start += size
    return np.concatenate(parts)
