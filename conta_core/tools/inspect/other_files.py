"""Properties of the files that are no stores: manifest, scores, summary, models, masks, parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.reliance import read_reliance
from conta_core.evaluation.scores.score_files import read_scores
from conta_core.evaluation.store_kinds.images import MaskImages
from conta_core.evaluation.summary import read_summary
from conta_core.evaluation.summary_rows import LISTS, score_rows, scored_stages
from conta_core.storage.stores.parts import describe_part
from conta_core.tools.inspect.images import require_image
from conta_core.tools.inspect.properties import Property, size_properties
from conta_core.workflow.stages import SCORED


def describe_manifest(path: Path) -> Iterator[Property]:
    """What a dataset.json holds."""
    manifest = Manifest.load(path)
    yield Property("what", "manifest (conta-dataset)")
    yield Property("data set", manifest.name)
    yield Property("ground truth", manifest.ground_truth or "none")
    yield from size_properties(Counter(record.size for record in manifest.images.values()))
    lists = {}
    for name, ids in manifest.lists.items():
        masks = sum(manifest.images[i].mask is not None for i in ids)
        lists[name] = {"name": manifest.list_names[name], "images": len(ids), "masks": masks}
    yield Property("lists", [{"list": name, **row} for name, row in lists.items()])
    tags = {
        name: Counter(tag for i in ids for tag in manifest.images[i].tags)
        for name, ids in manifest.lists.items()
    }
    yield Property(
        "tags",
        [
            {"class": name, **{f"{split} images": counts[name] for split, counts in tags.items()}}
            for name in manifest.classes
        ],
    )


def describe_manifest_image(path: Path, image_id: str) -> Iterator[Property]:
    """What a manifest says of one image."""
    manifest = Manifest.load(path)
    require_image(path, image_id, manifest.images)
    record = manifest.images[image_id]
    yield Property("image", image_id)
    yield Property("lists", [name for name, ids in manifest.lists.items() if image_id in ids])
    yield Property("size", f"{record.height} x {record.width}", "height x width")
    yield Property("tags", list(record.tags))
    yield Property("photograph", record.image)
    yield Property("mask", record.mask or "none")
    yield Property("context map", record.context_map or "none")


def describe_scores(path: Path) -> Iterator[Property]:
    """What a scores json holds."""
    scores = read_scores(path)
    yield Property("what", f"scores of the {SCORED[scores['stage']]} (conta-scores)")
    yield Property("run", scores["run"])
    yield Property("round", scores["round"])
    entries = scores["lists"]
    yield Property("lists", [_entry_row(LISTS[split], entry) for split, entry in entries.items()])
    names = dict.fromkeys(name for entry in entries.values() for name in entry["iou"])
    yield Property(
        "IoU in percent",
        [
            {"class": name, **{LISTS[s]: _two(e["iou"].get(name)) for s, e in entries.items()}}
            for name in names
        ],
    )


def describe_reliance(path: Path) -> Iterator[Property]:
    """What a reliance json holds."""
    content = read_reliance(path)
    yield Property("what", "how far classes hang on context (conta-reliance)")
    yield Property("run", content["run"])
    yield Property("round", content["round"])
    yield Property("list", content["list"], f"{content['images']} images were asked")
    rows = {**content["classes"], "mean": content["mean"]}
    yield Property(
        "P(class)",
        [
            {
                "class": name,
                "images": row["images"],
                "as it is": _two(row["before"]),
                "filled in": _two(row["after"]),
                "without the tag": _two(row["absent"]),
            }
            for name, row in rows.items()
        ],
    )


def _entry_row(split: str, entry: dict[str, Any]) -> dict[str, Any]:
    threshold = entry.get("threshold")
    row = {
        "list": split,
        "name": entry.get("list"),
        "images": entry["images"],
        "mIoU": _two(entry["miou"]),
        "accuracy": _two(entry.get("accuracy")),
        "threshold": threshold["value"] if threshold else None,
    }
    return row | ({"why": entry["why"]} if "why" in entry else {})


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def describe_summary(path: Path) -> Iterator[Property]:
    """What a summary.json holds."""
    summary = read_summary(path)
    yield Property("what", "summary of a run (conta-summary)")
    yield Property("run", summary["run"])
    yield Property("rounds", summary["rounds"])
    yield Property("data set", summary["dataset"])
    yield Property("ground truth", summary["ground_truth"] or "none")
    yield Property("classes", summary["classes"], str(len(summary["classes"])))
    for split, words in LISTS.items():
        if scored_stages(summary, split):
            heading, *rows = score_rows(summary, split)
            yield Property(
                f"mIoU in percent, {words}", [dict(zip(heading, row, strict=True)) for row in rows]
            )


def describe_model(path: Path, *, check: bool = False) -> Iterator[Property]:
    """What a model file is for, and its tensors.

    Args:
        path: of the .safetensors file.
        check: read every byte and compare the checksum.
    """
    # torch takes seconds to import, and only models need it
    from conta_core.storage.model_files import (
        check_model,
        read_backbone_names,
        read_metadata,
        tensor_sizes,
    )

    names = read_backbone_names(path)
    if names is None:
        kind, classes, architecture = read_metadata(path)
        yield Property("what", f"model of kind {kind} (conta-model)")
        yield Property("classes", list(classes), str(len(classes)))
        yield Property("architecture", architecture)
    else:
        yield Property("what", "backbone (conta-backbone), for the key `weights`")
        yield Property("fits `backbone`", list(names))
    sizes = tensor_sizes(path)
    yield Property("tensors", len(sizes))
    yield Property("numbers", sum(sizes.values()))
    yield Property("bytes", path.stat().st_size)
    if check and names is None:
        check_model(path)
        yield Property("checksums", "right", "all tensors were read")
    elif names is None:
        yield Property("checksums", "not checked", "--check reads every byte")
    else:
        yield Property("checksums", "none", "a backbone's file has none")


def describe_masks(images: MaskImages) -> Iterator[Property]:
    """What a folder of masks holds."""
    classes = images.classes
    yield Property("what", images.kind.title)
    known = "of the run's dataset.json" if classes else "no dataset.json two folders up"
    yield Property("classes", list(classes) if classes else "not known", known)
    yield from size_properties(Counter(images.image(image_id).size for image_id in images.ids()))


def describe_part_of_store(path: Path) -> Iterator[Property]:
    """What a part of a store in the making holds."""
    header, made, whole = describe_part(path)
    store, part = header.store, header.part
    yield Property("what", f"part {part.number} of {part.count} of a {store.kind} store")
    yield Property("run", store.run)
    yield Property("round", store.round_index)
    yield Property("classes", list(store.classes), str(len(store.classes)))
    yield Property("settings", store.settings)
    expected = len(range(part.number - 1, header.images, part.count))
    yield Property(
        "images", made, f"of {expected} in this part, {header.images} in the whole store"
    )
    yield Property("complete", "yes" if whole else "no")
    yield Property("checksums", "right", "of all that is there")
    if not whole:
        raise ContaError(
            f"{path}: a part that is not complete: {made} of {expected} images; the job that "
            "writes it goes on with it: let it, or start the workflow again"
        )
