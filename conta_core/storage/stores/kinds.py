"""The kinds of store, and the arrays of each.

A store is self-describing: root attributes ``format``, ``format_version``,
``classes``, ``run``, ``round``, ``settings`` (json) and ``complete``; one group an
image id with that image's arrays (``size`` is an attribute of the group); arrays
that belong to the whole store stand at the root, and beside them in stores of
images the table :data:`IMAGE_SIZES`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

FORMAT_VERSION = 3

#: table at the root, int64 (k, 3): height, width, and how many images have this size; it tells
#: how many images there are without a look at each. No image id has a space
IMAGE_SIZES = "image sizes"


class Array(NamedTuple):
    """An array of a store.

    Attributes:
        dtype: numpy's name of its type.
        axes: its axes and range, in words.
        optional: whether a store may do without it, for all of its images.
    """

    dtype: str
    axes: str
    optional: bool = False


#: kind of store -> the arrays of each image; what they mean: conta_core.evaluation.store_kinds
IMAGE_ARRAYS: dict[str, dict[str, Array]] = {
    "cams": {
        "keys": Array("int64", "k: class indices of the tags"),
        "cam": Array("float32", "k x h/4 x w/4, 0..1"),
        "high_res": Array("float16", "k x H x W, 0..1"),
        "probability": Array(
            "float32", "n: sigmoid of the classifier's logits, where there is one", optional=True
        ),
    },
    "labels": {"labels": Array("uint8", "H x W: 0 background, i + 1 class i, 255 ignore")},
    "refined": {
        "keys": Array("int64", "k: class indices of the tags"),
        "refined": Array("float32", "k x h/4 x w/4, after the walk"),
    },
    "train_masks": {"mask": Array("uint8", "H x W: predicted labels X_m")},
    "logits": {"logits": Array("float32", "n + 1 x h/8 x w/8, background first")},
    "objects": {
        "keys": Array("int64", "k: class indices of the tags"),
        "drop": Array(
            "float32",
            "k x k: fall of each tag's logit (columns) once a tag's object (rows) is filled in",
        ),
        "context": Array(
            "float32",
            "C: mean of the last block's features of the image without its objects, or 0",
        ),
    },
    "context": {
        "mask": Array("float32", "h x w: M; n x h x w: its summands by class"),
        "alpha": Array("float32", "n"),
    },
    "confounders": {},
}

#: kind of store -> the arrays of the whole store
ROOT_ARRAYS: dict[str, dict[str, Array]] = {
    "confounders": {
        "masks": Array("float32", "n x h x w: class-specific average masks c_i"),
        "prior": Array("float32", "n: P(c)"),
        "count": Array("int64", "n: images of each class"),
    },
    "context": {
        "mean": Array("float32", "as mask: mean M of the training list"),
        "deviation": Array("float32", "scalar"),
    },
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


def require_arrays(kind: str, found: Collection[str], expected: Mapping[str, Array]) -> None:
    """Raise ValueError unless exactly the arrays that the kind of store has are there."""
    needed = {name for name, array in expected.items() if not array.optional}
    if not needed <= set(found) <= set(expected):
        raise ValueError(f"a {kind} store takes {sorted(expected)}, got {sorted(found)}")
