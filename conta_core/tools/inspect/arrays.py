"""Facts of arrays: shapes, types, ranges, and their classes by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from conta_core.causal.conta.confounder_names import confounder_names
from conta_core.causal.intervention.ownership import taken_by_companions
from conta_core.errors import ContaError
from conta_core.runtime.nearest import nearest
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.inspect.properties import Fact, class_name, label_name

#: the array of each kind of store that is a mask
MASKS = {"labels": "labels", "train_masks": "mask"}
Rows = list[dict[str, Any]]


def array_row(name: str, values: np.ndarray) -> dict[str, Any]:
    """Shape, type and range of an array; the range is of its finite values."""
    row: dict[str, Any] = {
        "array": name,
        "shape": " x ".join(str(side) for side in values.shape) or "scalar",
        "type": str(values.dtype),
    }
    finite = values[np.isfinite(values)]
    plain = int if values.dtype.kind in "iu" else rounded
    row["min"] = plain(finite.min()) if finite.size else None
    row["max"] = plain(finite.max()) if finite.size else None
    row["mean"] = rounded(finite.mean(dtype=np.float64)) if finite.size else None
    if finite.size < values.size:
        row["not finite"] = values.size - finite.size
    return row


def rounded(value: Any) -> float:
    """Four significant digits."""
    return float(f"{float(value):.4g}")


def label_rows(labels: np.ndarray, classes: Sequence[str], unit: str = "pixels") -> Rows:
    """The share of each label among the pixels of a mask, uint8 (H, W), the largest first."""
    counts = np.bincount(labels.reshape(-1), minlength=1)
    values = sorted(np.flatnonzero(counts), key=lambda value: -counts[value])
    return [
        {
            "class": label_name(classes, int(value)),
            unit: int(counts[value]),
            "percent": rounded(100 * counts[value] / labels.size),
        }
        for value in values
    ]


def require_image(where: Any, image_id: str, found: bool, ids: Sequence[str]) -> None:
    """Raise ContaError, naming the nearest ids, unless an image is there."""
    if found:
        return
    if not ids:
        raise ContaError(f"{where}: has no image {image_id!r}: it holds none; leave the id out")
    near = nearest(image_id, ids)
    hint = f"near it: {', '.join(near)}" if near else f"none is near it; the first is {ids[0]}"
    raise ContaError(f"{where}: has no image {image_id!r} among its {len(ids)}; {hint}")


@contextmanager
def fitting(where: Any, what: str) -> Iterator[None]:
    """Raise ContaError where arrays that were read well do not fit together."""
    try:
        yield
    except (ValueError, IndexError, TypeError) as error:
        raise ContaError(
            f"{where}: the arrays of {what} do not fit together ({error}), expected those of its "
            "kind of store; delete it and let the workflow make it again"
        ) from None


def describe_store_image(store: StoreReader, image_id: str) -> Iterator[Fact]:
    """The arrays of one image of a store.

    Raises:
        ContaError: the image is not there, or its arrays cannot be read.
    """
    require_image(store.path, image_id, image_id in store, store.image_ids)
    height, width = store.size(image_id)
    arrays = {name: store.read(image_id, name) for name in IMAGE_ARRAYS[store.kind]}
    yield Fact("image", image_id, f"{store.kind} of run {store.run}, round {store.round}")
    yield Fact("size", f"{height} x {width}", "height x width")
    yield Fact("arrays", [array_row(name, values) for name, values in arrays.items()])
    with fitting(store.path, image_id):
        rows = _class_rows(store, arrays)
    yield Fact("classes", rows)


def root_facts(store: StoreReader) -> Iterator[Fact]:
    """The arrays of the whole store; of a confounder set, each class of it."""
    arrays = {name: store.read_root(name) for name in ROOT_ARRAYS[store.kind]}
    yield Fact("arrays of the store", [array_row(name, values) for name, values in arrays.items()])
    if store.kind == "confounders":
        with fitting(store.path, "the store"):
            names = confounder_names(store.classes, len(arrays["masks"]))
            columns = zip(names, arrays["count"], arrays["prior"], arrays["masks"], strict=True)
            rows = [
                {
                    "class": name,
                    "images": int(count),
                    "P(c)": rounded(prior),
                    "mean of its mask": rounded(mask.mean()),
                    "max": rounded(mask.max()),
                }
                for name, count, prior, mask in columns
            ]
        yield Fact("confounder set", rows)


def _class_rows(store: StoreReader, arrays: dict[str, np.ndarray]) -> Rows:
    """What an image's arrays say of each class."""
    names = store.classes
    if store.kind in MASKS:
        return label_rows(arrays[MASKS[store.kind]], names)
    if store.kind == "logits":
        return label_rows(arrays["logits"].argmax(axis=0).astype(np.uint8), names, "cells")
    if store.kind == "context":
        alpha = arrays["alpha"]
        entries = confounder_names(names, len(alpha))
        return [
            {"class": entries[i], "alpha": rounded(alpha[i])}
            for i in np.argsort(-alpha, kind="stable")
        ]
    if store.kind == "cams":
        return _cam_rows(names, arrays)
    if store.kind == "objects":
        return _object_rows(names, arrays)
    return [
        {
            "class": class_name(names, int(key)),
            "max": rounded(one.max()),
            "mean": rounded(one.mean()),
        }
        for key, one in zip(arrays["keys"], arrays["refined"], strict=False)
    ]


def _object_rows(names: Sequence[str], arrays: dict[str, np.ndarray]) -> Rows:
    """By how much each tag's logit falls without an object, and whether it is another tag's."""
    tags = [class_name(names, int(key)) for key in arrays["keys"]]
    columns = [f"{tag} falls by" for tag in tags]
    taken = taken_by_companions(arrays["drop"])
    return [
        {
            "without the object of": tag,
            **dict(zip(columns, map(rounded, drops), strict=True)),
            "another tag's": "yes" if another else "no",
        }
        for tag, drops, another in zip(tags, arrays["drop"], taken, strict=True)
    ]


def _cam_rows(names: Sequence[str], arrays: dict[str, np.ndarray]) -> Rows:
    """The image's tags with their maps first, then the other classes by probability."""
    keys, probability = arrays["keys"].tolist(), arrays["probability"]
    maps = dict(zip(keys, arrays["high_res"].astype(np.float32), strict=False))
    order = [*keys, *(i for i in np.argsort(-probability).tolist() if i not in maps)]
    return [
        {
            "class": class_name(names, i),
            "tag": "yes" if i in maps else "no",
            "P(class)": rounded(probability[i]) if 0 <= i < len(probability) else None,
            "mean CAM": rounded(maps[i].mean()) if i in maps else None,
            "percent above 0.5": (rounded(100 * (maps[i] > 0.5).mean()) if i in maps else None),
        }
        for i in order
    ]
