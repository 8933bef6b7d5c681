"""How much of a class lies on the classes that occur beside it: person beside horse, dog on sofa.

A class that is taken for its companion is the confounding that CONTA begins with (section 1), and
it can be measured on any data set with ground truth; no context map is needed.
"""

from __future__ import annotations

import numpy as np

from conta_core.data.manifest import Manifest

#: a companion is in so great a share of a class's images, at least
SHARE = 0.1
#: and in so many of them
LEAST = 5


def companion_pairs(manifest: Manifest, list_name: str) -> list[tuple[str, str]]:
    """Class and companion, where the companion is often in the class's images.

    Often: in :data:`SHARE` of the images that have the class's tag, and :data:`LEAST` of them.

    Args:
        manifest: of the data set.
        list_name: "train" or "val".

    Returns:
        Pairs of names in the order of the classes; horse and person may be two of them.
    """
    tags = np.array([manifest.tag_vector(i) for i in manifest.ids(list_name)])
    together = tags.T @ tags if len(tags) else np.zeros((len(manifest.classes),) * 2)
    often = (together >= LEAST) & (together >= SHARE * np.diagonal(together)[:, None])
    np.fill_diagonal(often, False)
    names = manifest.classes
    return [(names[i], names[j]) for i, j in np.argwhere(often).tolist()]


def on_companions(
    matrix: np.ndarray, manifest: Manifest, list_name: str
) -> dict[str, dict[str, float]]:
    """Of the pixels that are predicted as a class, the share that is its companion in truth.

    Args:
        matrix: int64 (n, n + 1) of :func:`~.confusion.confusion_matrix`.
        manifest: gives names and companions.
        list_name: "train" or "val", whose tags tell the companions.

    Returns:
        class -> companion -> percent; a class that is predicted nowhere is left out.
    """
    found: dict[str, dict[str, float]] = {}
    for name, companion in companion_pairs(manifest, list_name):
        column = matrix[:, manifest.class_names.index(name)]
        total = int(column.sum())
        if total:
            share = 100.0 * int(column[manifest.class_names.index(companion)]) / total
            found.setdefault(name, {})[companion] = share
    return found
