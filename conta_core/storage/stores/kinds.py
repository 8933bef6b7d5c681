"""The kinds of store, and the arrays of each.

A store is self-describing: root attributes ``format``, ``format_version``,
``classes``, ``run``, ``round``, ``settings`` (json) and ``complete``; one group an
image id with that image's arrays (``size`` is an attribute of the group); arrays
that belong to the whole store stand at the root, and beside them in stores of
images the table :data:`IMAGE_SIZES`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT_VERSION = 3

#: table at the root, int64 (k, 3): height, width, and how many images have this size; it tells
#: how many images there are without a look at each. No image id has a space
IMAGE_SIZES = "image sizes"

#: kind of store -> the arrays of each image, with their axes
IMAGE_ARRAYS: dict[str, dict[str, str]] = {
    "cams": {
        "keys": "k: class indices of the tags",
        "cam": "k x h/4 x w/4, 0..1",
        "high_res": "k x H x W, 0..1",
        "probability": "n: sigmoid of the classifier's logits",
    },
    "labels": {"labels": "H x W: 0 background, i + 1 class i, 255 ignore"},
    "refined": {"keys": "k: class indices of the tags", "refined": "k x h/4 x w/4, after the walk"},
    "train_masks": {"mask": "H x W: predicted labels X_m"},
    "logits": {"logits": "n + 1 x h/8 x w/8, background first"},
    "objects": {
        "keys": "k: class indices of the tags",
        "drop": "k x k: fall of each tag's logit (columns) once a tag's object (rows) is filled in",
        "context": "C: mean of the last block's features of the image without its objects, or 0",
    },
    "context": {"mask": "h x w: M; n x h x w: its summands by class", "alpha": "n"},
    "confounders": {},
}

#: kind of store -> the arrays of the whole store
ROOT_ARRAYS: dict[str, dict[str, str]] = {
    "confounders": {
        "masks": "n x h x w: class-specific average masks c_i",
        "prior": "n: P(c)",
        "count": "n: images of each class",
    },
    "context": {"mean": "as mask: mean M of the training list", "deviation": "scalar"},
}


@dataclass(frozen=True)
class StoreHeader:
    """What a store says of itself.

    Attributes:
        kind: a key of :data:`IMAGE_ARRAYS`.
        classes: foreground class names, in order.
        run: name of the run.
        round_index: the round.
        settings: what the stage was told, plain values.
    """

    kind: str
    classes: Sequence[str]
    run: str
    round_index: int
    settings: dict[str, Any]


def require_arrays(kind: str, found: Collection[str], expected: Collection[str]) -> None:
    """Raise ValueError unless exactly the arrays that the kind of store has are there."""
    if set(found) != set(expected):
        raise ValueError(f"a {kind} store takes {sorted(expected)}, got {sorted(found)}")
