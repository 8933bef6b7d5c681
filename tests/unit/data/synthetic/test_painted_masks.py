from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from conta_core.data.index import check_images
from conta_core.data.manifest import Manifest
from conta_core.data.readers.voc import VOC_CLASSES, read_voc
from conta_core.data.synthetic import painted_masks, painted_scene
from conta_core.data.synthetic.painted_contexts import CONTEXTS
from conta_core.data.synthetic.painted_masks import Painted, paint_masks
from conta_core.data.synthetic.painted_objects import look_of, object_skin
from conta_core.data.synthetic.painted_scene import Draws
from conta_core.errors import ContaError
from conta_core.evaluation.confounding import read_context_map
from conta_core.images.masks import read_label_png, write_label_png
from conta_core.settings import DatasetSettings

CAT, DOG, PERSON = (VOC_CLASSES.index(name) + 1 for name in ("cat", "dog", "person"))


def write_masks(root: Path, train: int = 12, val: int = 4) -> Path:
    """Masks of cats, of dogs, and of cats with a person; 255 between; one with specks alone."""
    folder = root / "masks"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for name, count in (("train_aug", train), ("val", val)):
        ids = [f"{name}_{k:03d}" for k in range(count)]
        for k, image_id in enumerate(ids):
            labels = np.zeros((90, 120) if k % 2 else (120, 90), np.uint8)
            top, left = rng.integers(5, 25, 2)
            labels[top : top + 50, left : left + 40] = 255
            labels[top + 2 : top + 48, left + 2 : left + 38] = (CAT, DOG, CAT)[k % 3]
            if k % 3 == 2:
                labels[70:88, 50:80] = PERSON
            labels[0:2, 0:2] = PERSON  # of too few pixels to be painted
            write_label_png(folder / f"{image_id}.png", labels)
        (root / f"{name}.txt").write_text("".join(f"{i}\n" for i in [*ids, f"{name}_empty"]))
        empty = np.full((60, 80), 255, np.uint8)
        empty[0] = 0
        write_label_png(folder / f"{name}_empty.png", empty)
    return folder


def paint(masks: Path, out: Path, **changed: Any) -> Painted:
    options: dict[str, Any] = {
        "train_list": masks.parent / "train_aug.txt", "val_list": masks.parent / "val.txt",
        "train": 8, "val": 3, "long_side": 64, "confounding": 0.9, "seed": 0,
    }  # fmt: skip
    return paint_masks(masks, out, **(options | changed))


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def read(root: Path) -> Manifest:
    settings = DatasetSettings(name="painted", format="voc", root=str(root), tags="masks")
    return check_images(read_voc(settings))


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return write_masks(tmp_path / "source")


def test_read_as_a_devkit(masks: Path, tmp_path: Path) -> None:
    painted = paint(masks, tmp_path / "out")
    manifest = read(tmp_path / "out")
    assert manifest.lists == painted.lists
    assert [len(ids) for ids in painted.lists.values()] == [8, 3]
    assert manifest.list_names == {"train": "train", "val": "val"}
    for image_id, record in manifest.images.items():
        assert set(record.tags) <= {"cat", "dog", "person"}
        assert record.tags
        assert max(record.size) == 64
        with Image.open(record.image) as image:
            assert image.format == "JPEG"
        context = read_context_map(manifest, image_id)
        assert context is not None
        assert context.shape == record.size
        assert 1 <= context.min() <= context.max() <= 20
        assert len(np.unique(context)) <= 2


def test_masks_are_the_sources_scaled(masks: Path, tmp_path: Path) -> None:
    paint(masks, tmp_path / "out")
    specks = 0
    for path in (tmp_path / "out" / "SegmentationClassAug").iterdir():
        labels, source = read_label_png(path), read_label_png(masks / path.name)
        nearest = cv2.resize(source, labels.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        changed = labels != nearest
        assert (labels[changed] == 255).all()  # what is too small to be told
        assert (nearest[changed] == PERSON).all()
        assert changed.sum() <= 2
        specks += int(changed.sum())
        assert (labels == 255).any()
    assert specks


def test_same_seed_same_bytes(masks: Path, tmp_path: Path) -> None:
    paint(masks, tmp_path / "a")
    paint(masks, tmp_path / "b")
    archive = tmp_path / "source" / "masks.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(masks, "SegmentationClassAug")
    paint(archive, tmp_path / "c")
    first = files(tmp_path / "a")
    assert first == files(tmp_path / "b") == files(tmp_path / "c")
    paint(masks, tmp_path / "d", seed=1)
    other = files(tmp_path / "d")
    assert not [p for p in first if p.endswith(".jpg") and first[p] == other.get(p)]


def test_more_images_do_not_change_the_others(masks: Path, tmp_path: Path) -> None:
    few = paint(masks, tmp_path / "a", train=5, val=2)
    many = paint(masks, tmp_path / "b")
    for name, ids in few.lists.items():
        assert set(ids) < set(many.lists[name])
    made = files(tmp_path / "b")
    assert all(made[p] == c for p, c in files(tmp_path / "a").items() if not p.endswith(".txt"))


def test_validation_is_unconfounded_whatever(masks: Path, tmp_path: Path) -> None:
    painted = [paint(masks, tmp_path / str(c), confounding=c) for c in (0.0, 0.9)]
    low, high = (files(tmp_path / str(c)) for c in (0.0, 0.9))
    for image_id in painted[0].lists["val"]:
        assert low[f"JPEGImages/{image_id}.jpg"] == high[f"JPEGImages/{image_id}.jpg"]
    assert low["ImageSets/Segmentation/train.txt"] == high["ImageSets/Segmentation/train.txt"]
    assert low != high


def test_companions_are_counted_over_the_whole_list(masks: Path, tmp_path: Path) -> None:
    # 12 images: 4 of a cat, 4 of a dog, 4 of a cat and a person; in each the specks of a person
    p = paint(masks, tmp_path / "out", train=1).companions
    cat, dog, person = CAT - 1, DOG - 1, PERSON - 1
    assert p[cat, cat] == p[cat, person] == p[dog, dog] == 0.5
    np.testing.assert_allclose(p[person, [cat, dog, person]], [8 / 24, 4 / 24, 12 / 24])
    assert p[cat, dog] == p[VOC_CLASSES.index("bus")].sum() == 0


@pytest.mark.parametrize("confounding", [0.0, 0.9])
def test_contexts_follow_the_distribution(confounding: float) -> None:
    companions = np.zeros((20, 20))
    companions[CAT - 1, [CAT - 1, PERSON - 1]] = 0.75, 0.25
    companions[DOG - 1, DOG - 1] = 1
    count = 8000
    drawn = np.bincount(
        [
            painted_scene._draw_context(
                Draws(0, "train", str(k))("context", 0),
                [CAT, DOG],
                companions,
                confounding,
            )
            for k in range(count)
        ],
        minlength=20,
    )
    expected = np.full(20, (1 - confounding) / 20)
    for value, share in ((CAT, 0.375), (PERSON, 0.125), (DOG, 0.5)):
        expected[value - 1] += confounding * share
    deviation = np.sqrt(expected * (1 - expected) / count)
    assert (np.abs(drawn / count - expected) < 4.5 * deviation).all()


def test_confounding_in_the_maps(tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "source", train=150, val=100)
    painted = paint(masks, tmp_path / "a", train=150, val=100)
    # the specks make person a companion of all: alone, a cat keeps to its own context half the time
    assert 0.5 < painted.own_context["train"] < 0.7
    assert painted.own_context["val"] < 0.15
    painted = paint(masks, tmp_path / "b", train=150, val=100, confounding=0)
    assert painted.own_context["train"] < 0.15


def test_objects_stand_out_in_their_shapes(masks: Path, tmp_path: Path) -> None:
    paint(masks, tmp_path / "out", long_side=128)
    manifest = read(tmp_path / "out")
    for image_id, record in manifest.images.items():
        with Image.open(record.image) as image:
            pixels = np.asarray(image, np.float32) / 255
        labels = manifest.read_mask(image_id)
        inside = cv2.erode((labels == CAT).astype(np.uint8), np.ones((7, 7))) > 0
        if inside.any():
            apart = np.abs(pixels[inside].mean(axis=0) - pixels[labels == 0].mean(axis=0)).sum()
            assert apart > 0.15


def test_every_class_has_its_own_look_and_context() -> None:
    assert len(CONTEXTS) == len(VOC_CLASSES)
    assert len({look_of(label) for label in range(20)}) == 20
    for size in (64, 128):
        means = []
        for number, texture in enumerate(CONTEXTS.values()):
            pixels = texture(np.random.default_rng(number), size)
            assert pixels.shape == (size, size, 3)
            assert pixels.dtype == np.float32
            means.append(pixels.mean(axis=(0, 1)))
            skin = object_skin(np.random.default_rng(1), number, size, means[-1])
            assert skin.shape == (size, size, 3)
            assert np.isfinite(skin).all()
            assert np.isfinite(pixels).all()


def test_nothing_is_left_after_a_failure(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(painted_masks, "write_label_png", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        paint(masks, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["source"]


def test_nothing_is_written_over(masks: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ContaError, match="out: is there already; delete it"):
        paint(masks, tmp_path / "out")


def refused(masks: Path, tmp_path: Path, says: str, **options: Any) -> None:
    with pytest.raises(ContaError, match=says):
        paint(masks, tmp_path / "deep" / "out", **options)
    assert not (tmp_path / "deep").exists()


def test_lists_that_do_not_fit(masks: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    for text, says in (
        ("train_aug_000\ntrain_aug_0001\n", r"names 1 ids without a mask .*'train_aug_000\d'"),
        ("../up\n", r"list\.txt, line 1: image id"),
        ("val_000\ntrain_aug_000\n", r"1 ids are in both, among them \['val_000'\]"),
        ("\n", "an empty list"),
    ):
        path.write_text(text)
        refused(masks, tmp_path, f"(?s){says}", train_list=path)
    refused(masks, tmp_path, "no such list", train_list=tmp_path / "none.txt")
    refused(masks, tmp_path, r"12 images hold .* expected 13: .*--train", train=13)


def test_masks_that_do_not_fit(masks: Path, tmp_path: Path) -> None:
    write_label_png(masks / "val_000.png", np.full((8, 8), 77, np.uint8))
    (masks / "val_001.png").write_bytes((masks / "val_001.png").read_bytes()[:60])
    refused(masks, tmp_path, r"(?s)2 problems.*val_000\.png: holds the values \[77\].*val_001\.png")


def test_real_masks(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    root = shared_data("voc12_aug")
    lists = {}
    for option, name in (("train_list", "train_aug"), ("val_list", "val")):
        lists[option] = tmp_path / f"{name}.txt"
        ids = (root / f"{name}.txt").read_text().split()[:24]
        lists[option].write_text("".join(f"{i}\n" for i in ids))
    out = tmp_path / "out"
    painted = paint(root / "SegmentationClassAug.tar", out, train=10, val=5, long_side=128, **lists)
    manifest = read(out)
    assert len(manifest.images) == 15
    assert all(record.tags for record in manifest.images.values())
    assert painted.companions[VOC_CLASSES.index("aeroplane")].argmax() == 0
