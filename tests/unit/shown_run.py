"""A run of two rounds in its real layout, made up, to be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.images.masks import write_label_png
from conta_core.storage.stores.writer import write_store

#: names that html, mathtext and legends of matplotlib would take for something else
CLASSES = ("cat", "$x^2$ <b>", "_hidden")
SIZE = (60, 80)
#: the object: rows and columns of the truth of every image
OBJECT = (slice(10, 30), slice(40, 70))
TRAIN = ("photo_a", "photo_b", "photo_none")
VAL = ("val_a",)
TAGS = {"photo_a": (0,), "photo_b": (0, 1), "photo_none": (), "val_a": (2,)}


def write_shown_run(root: Path) -> Path:
    """Write results/r below a folder; paths in its dataset.json are relative to that folder.

    Round 1 is the last: it has no context. No array is random.
    """
    run = root / "results" / "r"
    (run / "data").mkdir(parents=True)
    records = {}
    for image_id, tags in TAGS.items():
        image, mask = run / "data" / f"{image_id}.jpg", run / "data" / f"{image_id}.png"
        Image.fromarray(np.full((*SIZE, 3), (40, 160, 80), np.uint8)).save(image, quality=95)
        write_label_png(mask, truth(tags))
        records[image_id] = ImageRecord(
            image_id,
            str(image.relative_to(root)),
            *SIZE,
            tuple(CLASSES[i] for i in tags),
            str(mask.relative_to(root)),
        )
    manifest = Manifest(
        "set",
        CLASSES,
        {"train": TRAIN, "val": VAL},
        {"train": "train", "val": "val"},
        records,
        "made up",
        {i: i for i in range(4)},
    )
    manifest.save(run / "dataset.json")
    for index in range(2):
        _write_round(run / f"round-{index}", manifest, index)
    return run


def truth(tags: tuple[int, ...]) -> np.ndarray:
    """The object in the first tag's value, and a stripe that is ignored."""
    labels = np.zeros(SIZE, np.uint8)
    if tags:
        labels[OBJECT] = tags[0] + 1
    labels[-5:] = 255
    return labels


def _write_round(folder: Path, manifest: Manifest, index: int) -> None:
    about = {"classes": CLASSES, "run": "r", "round_index": index, "settings": {}}
    both = manifest.ids("train", "val")
    with write_store(folder / "cam/cams.h5", "cams", **about) as store:
        for image_id in both:
            keys = manifest.tag_indices(image_id)
            high = np.zeros((len(keys), *SIZE), np.float16)
            high[:, *OBJECT] = 1
            low = np.zeros((len(keys), 15, 20), np.float32)
            arrays = {"keys": keys, "cam": low, "high_res": high}
            store.write(image_id, {**arrays, "probability": np.full(3, 0.25, np.float32)}, SIZE)
    with write_store(folder / "irn/refined.h5", "refined", **about) as store:
        for image_id in TRAIN:
            keys = manifest.tag_indices(image_id)
            refined = np.ones((len(keys), 15, 20), np.float32) * np.arange(1, 21, dtype=np.float32)
            store.write(image_id, {"keys": keys, "refined": refined}, SIZE)
    for name, kind, array in (
        ("irn/labels.h5", "labels", "labels"),
        ("segmentation/train_masks.h5", "train_masks", "mask"),
    ):
        with write_store(folder / name, kind, **about) as store:
            for image_id in TRAIN:
                store.write(image_id, {array: truth(TAGS[image_id])}, SIZE)
    with write_store(folder / "segmentation/logits.h5", "logits", **about) as store:
        for image_id in VAL:
            logits = np.zeros((4, 6, 8), np.float32)
            logits[3, :, 4:] = 5
            store.write(image_id, {"logits": logits}, SIZE)
    (folder / "pseudo_masks").mkdir()
    for image_id in TRAIN:
        write_label_png(folder / "pseudo_masks" / f"{image_id}.png", truth(TAGS[image_id]))
    if index == 1:
        return
    with write_store(folder / "context/confounders.h5", "confounders", **about) as store:
        masks = np.stack([np.full((4, 6), 0.2 * (i + 1), np.float32) for i in range(3)])
        prior, count = np.full(3, 1 / 3, np.float32), np.array([5, 6, 7])
        store.write_root({"masks": masks, "prior": prior, "count": count})
    with write_store(folder / "context/context.h5", "context", **about) as store:
        store.write_root({"mean": np.full((4, 6), 0.01, np.float32), "deviation": np.array(0.005)})
        for image_id in both:
            context = np.zeros((4, 6), np.float32)
            context[:, 3:] = 0.02
            alpha = np.array([0.7, 0.25, 0.05], np.float32)
            store.write(image_id, {"mask": context, "alpha": alpha}, SIZE)
