"""Properties of the files that are no stores and no scores: manifest, models, masks, parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import MaskImages
from conta_core.storage.stores.parts import describe_part
from conta_core.tools.inspect.images import require_image
from conta_core.tools.inspect.properties import Property, size_properties


def describe_manifest(path: Path) -> Iterator[Property]:
    """What a dataset.json holds."""
    manifest = Manifest.load(path)
    yield Property("what", "manifest (conta-dataset)")
    yield Property("data set", manifest.name)
    yield Property("ground truth", manifest.ground_truth or "none")
    yield from size_properties(Counter(record.size for record in manifest.images.values()))
    smaller = [record for record in manifest.images.values() if record.stored_size is not None]
    if smaller:
        long_side = max(max(record.size) for record in smaller)
        yield Property(
            "scaled down",
            f"{len(smaller)} images, to a long side of {long_side} pixels in every stage and "
            "store; pseudo-masks have the images' own size",
        )
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
