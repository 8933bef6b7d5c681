"""How much of a class lies on the classes that occur beside it: person beside horse, dog on sofa.

A class that is taken for its companion is the confounding that CONTA begins with (section 1), and
it can be measured on any data set with ground truth; no context map is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conta_core.data.manifest import Manifest

#: a companion is in so great a share of a class's images, at least
SHARE = 0.1
#: and in so many of them
LEAST = 5


@dataclass(frozen=True)
class Companion:
    """A class and the class beside it.

    Attributes:
        of_class: index of the class, from 0, without the background.
        index: of its companion, likewise.
        share: P(companion | class) in percent: of the class's training images, those that have
            the companion's tag too.
    """

    of_class: int
    index: int
    share: float


def tag_counts(manifest: Manifest, list_name: str) -> np.ndarray:
    """How many images have both of two tags.

    Args:
        manifest: of the data set.
        list_name: "train" or "val".

    Returns:
        int64 (n, n), symmetric; in the diagonal the images that have the one tag.
    """
    counts = np.zeros((len(manifest.classes), len(manifest.classes)), dtype=np.int64)
    places = {name: i for i, name in enumerate(manifest.classes)}
    for image_id in manifest.ids(list_name):
        tags = [places[tag] for tag in dict.fromkeys(manifest.images[image_id].tags)]
        counts[np.ix_(tags, tags)] += 1
    return counts


def companion_pairs(manifest: Manifest, list_name: str) -> list[tuple[str, str]]:
    """Class and companion, where the companion is often in the class's images.

    Often: in :data:`SHARE` of the images that have the class's tag, and :data:`LEAST` of them.

    Args:
        manifest: of the data set.
        list_name: "train" or "val".

    Returns:
        Pairs of names in the order of the classes; horse and person may be two of them.
    """
    names = manifest.classes
    often = _often(tag_counts(manifest, list_name))
    return [(names[i], names[j]) for i, j in np.argwhere(often).tolist()]


def closest_companions(manifest: Manifest) -> list[Companion]:
    """For each class that has companions on the training list, the one it occurs with most often.

    Args:
        manifest: of the data set.

    Returns:
        The pairs by falling P(companion | class); of equals the one with more images first, then
        the one whose class comes first. Of companions that are equally often there, a class has
        the one that comes first.
    """
    together = tag_counts(manifest, "train")
    often = np.where(_often(together), together, 0)
    pairs = []
    for index in np.flatnonzero(often.any(axis=1)).tolist():
        companion = int(often[index].argmax())
        count = int(often[index, companion])
        share = count / int(together[index, index])
        pairs.append((-share, -count, Companion(index, companion, 100.0 * share)))
    return [pair for *_, pair in sorted(pairs, key=lambda one: one[:2])]


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


def _often(together: np.ndarray) -> np.ndarray:
    """Which classes of the columns are companions of the rows': bool (n, n).

    Args:
        together: int64 (n, n) of :func:`tag_counts`.
    """
    often = (together >= LEAST) & (together >= SHARE * np.diagonal(together)[:, None])
    np.fill_diagonal(often, False)
    return often
