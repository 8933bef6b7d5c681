"""Facts of the files that are no stores: manifest, scores, summary, models, masks, parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from conta_core.data.manifest import Manifest
from conta_core.data.masks import read_label_png
from conta_core.errors import ContaError
from conta_core.evaluation.reliance import read_reliance
from conta_core.evaluation.scores.score_files import read_scores
from conta_core.evaluation.summary import LISTS, STAGES, read_summary, score_rows, scored_stages
from conta_core.storage.stores.parts import describe_part
from conta_core.tools.inspect.arrays import array_row, label_rows, require_image
from conta_core.tools.inspect.images import MaskImages
from conta_core.tools.inspect.properties import Fact, size_facts


def describe_manifest(path: Path) -> Iterator[Fact]:
    """What a dataset.json holds."""
    manifest = Manifest.load(path)
    yield Fact("what", "manifest (conta-dataset)")
    yield Fact("data set", manifest.name)
    yield Fact("ground truth", manifest.ground_truth or "none")
    yield from size_facts(Counter(record.size for record in manifest.images.values()))
    lists = {}
    for name, ids in manifest.lists.items():
        masks = sum(manifest.images[i].mask is not None for i in ids)
        lists[name] = {"name": manifest.list_names[name], "images": len(ids), "masks": masks}
    yield Fact("lists", [{"list": name, **row} for name, row in lists.items()])
    tags = {
        name: Counter(tag for i in ids for tag in manifest.images[i].tags)
        for name, ids in manifest.lists.items()
    }
    yield Fact(
        "tags",
        [
            {"class": name, **{f"{split} images": counts[name] for split, counts in tags.items()}}
            for name in manifest.classes
        ],
    )


def describe_manifest_image(path: Path, image_id: str) -> Iterator[Fact]:
    """What a manifest says of one image."""
    manifest = Manifest.load(path)
    require_image(path, image_id, image_id in manifest.images, list(manifest.images))
    record = manifest.images[image_id]
    yield Fact("image", image_id)
    yield Fact("lists", [name for name, ids in manifest.lists.items() if image_id in ids])
    yield Fact("size", f"{record.height} x {record.width}", "height x width")
    yield Fact("tags", list(record.tags))
    yield Fact("photograph", record.image)
    yield Fact("mask", record.mask or "none")
    yield Fact("context map", record.context_map or "none")


def describe_scores(path: Path) -> Iterator[Fact]:
    """What a scores json holds."""
    scores = read_scores(path)
    yield Fact("what", f"scores of the {STAGES[scores['stage']]} (conta-scores)")
    yield Fact("run", scores["run"])
    yield Fact("round", scores["round"])
    entries = scores["lists"]
    yield Fact("lists", [_entry_row(LISTS[split], entry) for split, entry in entries.items()])
    names = dict.fromkeys(name for entry in entries.values() for name in entry["iou"])
    yield Fact(
        "IoU in percent",
        [
            {"class": name, **{LISTS[s]: _two(e["iou"].get(name)) for s, e in entries.items()}}
            for name in names
        ],
    )


def describe_reliance(path: Path) -> Iterator[Fact]:
    """What a reliance json holds."""
    content = read_reliance(path)
    yield Fact("what", "how far classes hang on context (conta-reliance)")
    yield Fact("run", content["run"])
    yield Fact("round", content["round"])
    yield Fact("list", content["list"], f"{content['images']} images were asked")
    rows = {**content["classes"], "mean": content["mean"]}
    yield Fact(
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


def describe_summary(path: Path) -> Iterator[Fact]:
    """What a summary.json holds."""
    summary = read_summary(path)
    yield Fact("what", "summary of a run (conta-summary)")
    yield Fact("run", summary["run"])
    yield Fact("rounds", summary["rounds"])
    yield Fact("data set", summary["dataset"])
    yield Fact("ground truth", summary["ground_truth"] or "none")
    yield Fact("classes", summary["classes"], str(len(summary["classes"])))
    for split, words in LISTS.items():
        if scored_stages(summary, split):
            heading, *rows = score_rows(summary, split)
            yield Fact(
                f"mIoU in percent, {words}", [dict(zip(heading, row, strict=True)) for row in rows]
            )


def describe_model(path: Path, *, check: bool = False) -> Iterator[Fact]:
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
        yield Fact("what", f"model of kind {kind} (conta-model)")
        yield Fact("classes", list(classes), str(len(classes)))
        yield Fact("architecture", architecture)
    else:
        yield Fact("what", "backbone (conta-backbone), for the key `weights`")
        yield Fact("fits `backbone`", list(names))
    sizes = tensor_sizes(path)
    yield Fact("tensors", len(sizes))
    yield Fact("numbers", sum(sizes.values()))
    yield Fact("bytes", path.stat().st_size)
    if check and names is None:
        check_model(path)
        yield Fact("checksums", "right", "all tensors were read")
    elif names is None:
        yield Fact("checksums", "not checked", "--check reads every byte")
    else:
        yield Fact("checksums", "none", "a backbone's file has none")


def mask_class_names(folder: Path) -> tuple[str, ...]:
    """The classes of a round's masks, of the run's dataset.json; none where there is no such."""
    path = folder.resolve().parent.parent / "dataset.json"
    return Manifest.load(path).classes if path.is_file() else ()


def describe_masks(folder: Path) -> Iterator[Fact]:
    """What a folder of masks holds."""
    classes = mask_class_names(folder)
    yield Fact("what", "label masks (PNG)")
    known = "of the run's dataset.json" if classes else "no dataset.json two folders up"
    yield Fact("classes", list(classes) if classes else "not known", known)
    images = MaskImages(folder, classes)
    yield from size_facts(Counter(images.line(image_id)[1:3] for image_id in images.ids()))


def describe_mask(folder: Path, image_id: str) -> Iterator[Fact]:
    """One mask of a folder."""
    ids: Sequence[str] = list(MaskImages(folder, ()).ids())
    require_image(folder, image_id, image_id in ids, ids)
    labels = read_label_png(folder / f"{image_id}.png")
    yield Fact("image", image_id)
    yield Fact("size", "{} x {}".format(*labels.shape), "height x width")
    yield Fact("arrays", [array_row("mask", labels)])
    yield Fact("classes", label_rows(labels, mask_class_names(folder)))


def describe_part_of_store(path: Path) -> Iterator[Fact]:
    """What a part of a store in the making holds."""
    header, made, whole = describe_part(path)
    store, part = header.store, header.part
    yield Fact("what", f"part {part.number} of {part.count} of a {store.kind} store")
    yield Fact("run", store.run)
    yield Fact("round", store.round_index)
    yield Fact("classes", list(store.classes), str(len(store.classes)))
    yield Fact("settings", store.settings)
    expected = len(range(part.number - 1, header.images, part.count))
    yield Fact("images", made, f"of {expected} in this part, {header.images} in the whole store")
    yield Fact("complete", "yes" if whole else "no")
    yield Fact("checksums", "right", "of all that is there")
    if not whole:
        raise ContaError(
            f"{path}: a part that is not complete: {made} of {expected} images; the job that "
            "writes it goes on with it: let it, or start the workflow again"
        )
