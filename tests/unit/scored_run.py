"""The files of a scored run of two rounds, without any network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.evaluation.reliance import write_reliance
from conta_core.evaluation.scores.score_files import score_entry, write_scores
from conta_core.images.masks import write_label_png
from conta_core.settings import Experiment
from conta_core.settings.load import pick
from conta_core.storage.stores.writer import write_store

CLASSES = ("cat", "<dog>")
SIZE = (20, 24)
SPLITS = {
    "cam": ("train", "val"),
    "refined": ("train",),
    "pseudo_masks": ("train",),
    "segmentation": ("train", "val"),
    "segmentation_crf": ("val",),
}
CONFOUNDING = {
    "images": 2,
    "far_false_positives": {"own_context": 2.3, "other_contexts": 0.5},
    "false_positives_on_own_context": None,
    "swap_test": {
        "context_present": 0.46,
        "context_absent": 0.1,
        "cases_present": 3,
        "cases_absent": 4,
    },
}

#: scores of these stages have it
PAIR = {
    "class": "cat",
    "companion": "<dog>",
    "share": 37.5,
    "with_companion": {"images": 6, "iou": 61.25, "fpr": 30.0, "fnr": 8.75},
    "without_companion": {"images": 9, "iou": 41.0, "fpr": 50.5, "fnr": 8.5},
}
PAIRED = ("pseudo_masks", "segmentation")


def write_run(root: Path) -> dict[str, Any]:
    """The arguments of `summarise` for a run of two rounds, all files written."""
    rng = np.random.default_rng(0)
    records = {}
    for i, tags in enumerate([("cat",), (), ("cat", "<dog>")]):
        image, mask = str(root / f"i{i}.png"), str(root / f"m{i}.png")
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(image)
        write_label_png(mask, np.full(SIZE, i))
        records[f"i{i}"] = ImageRecord(f"i{i}", image, *SIZE, tags, mask)
    manifest = Manifest(
        "set",
        CLASSES,
        {"train": ("i0", "i1", "i2"), "val": ("i0",)},
        {"train": "train_aug", "val": "val"},
        records,
        "masks & co",
        {0: 0, 1: 1, 2: 2},
    )
    manifest.save(root / "dataset.json")
    return {
        "manifest": str(root / "dataset.json"),
        "rounds": [write_round(root, manifest, index) for index in range(2)],
        "settings": pick(Experiment(seed=7), Experiment.model_fields, ["shards"]),
        "benchmarks": str(root / "benchmarks"),
        "output": str(root / "out" / "summary.json"),
        "report": str(root / "out" / "report.html"),
        "run": "r",
    }


def write_round(root: Path, manifest: Manifest, index: int) -> dict[str, Any]:
    folder = root / f"round-{index}"
    kinds = ("cams", "refined", "train_masks", "logits", "confounders", "context")
    paths: dict[str, Any] = {kind: str(folder / f"{kind}.h5") for kind in kinds}
    rng = np.random.default_rng(index)
    about = {"classes": CLASSES, "run": "r", "round_index": index, "settings": {}}
    ids = manifest.ids("train")
    with (
        write_store(paths["cams"], "cams", **about) as cams,
        write_store(paths["refined"], "refined", **about) as refined,
        write_store(paths["train_masks"], "train_masks", **about) as train_masks,
        write_store(paths["confounders"], "confounders", **about) as confounders,
        write_store(paths["context"], "context", **about) as context,
    ):
        confounders.write_root(
            {
                "masks": rng.random((2, 4, 4)).astype(np.float32),
                "prior": np.array([0.25, 0.75], np.float32),
                "count": np.array([2, 1]),
            }
        )
        context.write_root({"mean": np.zeros((4, 4)), "deviation": np.array(1.0)})
        for i in ids:
            keys = manifest.tag_indices(i)
            low = rng.random((len(keys), 5, 6)).astype(np.float32)
            high = rng.random((len(keys), *SIZE)).astype(np.float16)
            probability = np.zeros(2, np.float32)
            arrays = {"keys": keys, "cam": low, "high_res": high, "probability": probability}
            cams.write(i, arrays, SIZE)
            refined.write(i, {"keys": keys, "refined": low}, SIZE)
            train_masks.write(i, {"mask": rng.integers(0, 3, SIZE, dtype=np.uint8)}, SIZE)
            arrays = {"mask": rng.random((4, 4)).astype(np.float32), "alpha": np.ones(2) / 2}
            context.write(i, arrays, SIZE)
    if index == 1:
        paths["confounders"] = paths["context"] = None
    paths["pseudo_masks"] = str(folder / "pseudo_masks")
    Path(paths["pseudo_masks"]).mkdir()
    for i in ids:
        write_label_png(folder / "pseudo_masks" / f"{i}.png", np.full(SIZE, index + 1))
    paths["reliance"] = str(folder / "reliance.json")
    asked = {"images": 2, "before": 0.8, "after": 0.3 + 0.1 * index, "absent": 0.1}
    unasked = {"images": 0, "before": None, "after": None, "absent": 0.2}
    write_reliance(
        paths["reliance"],
        {
            "run": "r",
            "round": index,
            "list": "train_aug",
            "images": 3,
            "classes": {"cat": asked, "<dog>": unasked},
            "mean": asked,
        },
    )
    paths["scores"] = {}
    for stage, splits in SPLITS.items():
        paths["scores"][stage] = str(folder / f"{stage}.json")
        matrix = np.eye(3, 4, dtype=np.int64) * (10 + index) + 1
        threshold = {"value": 0.35, "chosen": "best of all"} if stage == "cam" else None
        entries = {
            split: score_entry(
                matrix,
                manifest=manifest,
                list_name=split,
                images=2,
                threshold=threshold,
                pairs=[PAIR] if stage in PAIRED else [],
            )
            for split in splits
        }
        write_scores(
            paths["scores"][stage],
            run="r",
            round_index=index,
            stage=stage,
            lists=entries,
            confounding={"val": CONFOUNDING} if stage == "cam" else None,
        )
    return paths
