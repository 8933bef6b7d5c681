from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from defusedxml import ElementTree
from PIL import Image

from conta_core.data.synthetic.context_shapes import CLASSES, make_context_shapes
from conta_core.data.synthetic.textures import TEXTURES, object_texture
from conta_core.images.masks import read_label_png
from conta_core.runtime.seeding import numpy_generator
from conta_core.settings import DatasetSettings, ImageCounts
from conta_core.stages.make_context_shapes import make_context_shapes as stage


def _make(
    root: Path,
    *,
    train: int = 4,
    val: int = 2,
    confounding: float = 0.9,
    seed: int = 0,
    size: int = 64,
) -> Path:
    images = ImageCounts(train=train, val=val)
    make_context_shapes(root, images=images, size=size, confounding=confounding, seed=seed)
    return root


def _files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def _stack(root: Path, folder: str, name: str) -> np.ndarray:
    return np.stack([read_label_png(p) for p in sorted((root / folder).glob(f"{name}_*.png"))])


@pytest.fixture(scope="module")
def confounded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("confounded"), train=120, val=90, confounding=0.9)


@pytest.fixture(scope="module")
def unconfounded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("unconfounded"), train=120, val=1, confounding=0.0)


def test_layout(tiny_shapes: Path) -> None:
    lists = tiny_shapes / "ImageSets" / "Segmentation"
    train, val = ((lists / f"{n}.txt").read_text().split() for n in ("train", "val"))
    assert (len(train), len(val)) == (8, 4)
    for image_id in train + val:
        with Image.open(tiny_shapes / "JPEGImages" / f"{image_id}.jpg") as image:
            assert image.size == (64, 64)
        labels = read_label_png(tiny_shapes / "SegmentationClass" / f"{image_id}.png")
        contexts = read_label_png(tiny_shapes / "ContextMaps" / f"{image_id}.png")
        assert labels.shape == contexts.shape == (64, 64)
        assert set(np.unique(labels)) <= set(range(len(CLASSES) + 1))
        assert set(np.unique(contexts)) <= set(range(1, len(CLASSES) + 1))


def test_annotations_say_what_is_visible(tiny_shapes: Path) -> None:
    for path in (tiny_shapes / "Annotations").glob("*.xml"):
        labels = read_label_png(tiny_shapes / "SegmentationClass" / f"{path.stem}.png")
        objects = list(ElementTree.parse(path).iter("object"))
        values = {CLASSES.index(o.findtext("name")) + 1 for o in objects}
        assert values == set(np.unique(labels)) - {0}
        covered = np.zeros_like(labels)
        for item in objects:
            corners = (item.findtext(f"bndbox/{k}") for k in ("xmin", "ymin", "xmax", "ymax"))
            x0, y0, x1, y1 = (int(corner) for corner in corners)
            assert 1 <= x0 <= x1 <= 64
            assert 1 <= y0 <= y1 <= 64
            covered[y0 - 1 : y1, x0 - 1 : x1] = 1
        assert covered[labels > 0].all()


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    assert _files(_make(tmp_path / "a")) == _files(_make(tmp_path / "b"))


def test_another_seed_other_images(tmp_path: Path) -> None:
    first, second = _files(_make(tmp_path / "a")), _files(_make(tmp_path / "b", seed=1))
    assert not [p for p in first if p.endswith(".jpg") and first[p] == second[p]]


def test_more_images_do_not_change_the_earlier_ones(tmp_path: Path) -> None:
    few, many = _files(_make(tmp_path / "a")), _files(_make(tmp_path / "b", train=7, val=3))
    assert all(many[path] == content for path, content in few.items() if path.count("_"))


def test_confounding_leaves_validation_alone(confounded: Path, tmp_path: Path) -> None:
    other = _files(_make(tmp_path / "b", train=1, val=5, confounding=0.0))
    for path in (p for p in other if "val_" in p):
        assert (confounded / path).read_bytes() == other[path]


def test_first_class_does_not_hang_on_confounding(confounded: Path, unconfounded: Path) -> None:
    def first(path: Path) -> str:
        return next(ElementTree.parse(path).iter("name")).text

    names = [p.name for p in (confounded / "Annotations").glob("train_*.xml")]
    same = [
        first(confounded / "Annotations" / n) == first(unconfounded / "Annotations" / n)
        for n in names
    ]
    assert np.mean(same) > 0.85  # a hidden first object is left out


def test_objects_keep_to_their_context_as_often_as_asked(
    confounded: Path, unconfounded: Path
) -> None:
    shares = {}
    for key, root, name in (
        ("0.9", confounded, "train"),
        ("val", confounded, "val"),
        ("0", unconfounded, "train"),
    ):
        labels, contexts = (
            _stack(root, "SegmentationClass", name),
            _stack(root, "ContextMaps", name),
        )
        shares[key] = (labels == contexts)[labels > 0].mean()
    assert shares["0.9"] > 0.8
    assert shares["val"] < 0.27
    assert shares["0"] < 0.27


def _tags(root: Path, name: str) -> np.ndarray:
    labels = _stack(root, "SegmentationClass", name)
    return np.stack([(labels == i + 1).any(axis=(1, 2)) for i in range(len(CLASSES))], axis=1)


def _companion_and_other_share(tags: np.ndarray) -> tuple[float, float]:
    companion = [tags[tags[:, i], i ^ 1].mean() for i in range(6)]
    other = [tags[tags[:, i], j].mean() for i in range(6) for j in range(6) if j not in (i, i ^ 1)]
    return float(np.mean(companion)), float(np.mean(other))


def test_companions(confounded: Path, unconfounded: Path) -> None:
    companion, other = _companion_and_other_share(_tags(confounded, "train"))
    assert companion > 0.55
    assert other < 0.12
    companion, other = _companion_and_other_share(_tags(unconfounded, "train"))
    assert abs(companion - other) < 0.12


def test_lists_are_balanced(confounded: Path) -> None:
    for name in ("train", "val"):
        counts = _tags(confounded, name).sum(axis=0)
        assert counts.min() > 0.6 * counts.max()
    shares = [(_stack(confounded, "ContextMaps", "val") == i + 1).mean() for i in range(6)]
    assert 0.08 < min(shares) <= max(shares) < 0.26


def test_class_places_differ_only_where_confounded(confounded: Path, unconfounded: Path) -> None:
    def spread(root: Path) -> float:
        labels = _stack(root, "SegmentationClass", "train")
        centres = [np.argwhere(labels == i + 1)[:, 1:].mean(axis=0) / 64 for i in range(6)]
        return float(np.std(centres, axis=0).mean())

    assert spread(confounded) > 2 * spread(unconfounded)


def test_foreground_share(confounded: Path) -> None:
    shares = (_stack(confounded, "SegmentationClass", "train") > 0).mean(axis=(1, 2))
    assert 0.15 < shares.mean() < 0.30
    assert shares.min() > 0.02


def test_size_scales_the_scene(tmp_path: Path) -> None:
    small, large = _make(tmp_path / "a", train=2), _make(tmp_path / "b", train=2, size=128)
    for path in sorted((small / "SegmentationClass").glob("*.png")):
        halved = read_label_png(large / "SegmentationClass" / path.name)[::2, ::2]
        assert (read_label_png(path) == halved).mean() > 0.95


@pytest.mark.parametrize("name", sorted(TEXTURES))
def test_textures_are_textured_and_in_range(name: str) -> None:
    texture = TEXTURES[name](numpy_generator(0, name), 64)
    assert texture.shape == (64, 64, 3)
    assert texture.dtype == np.float32
    assert -0.5 < texture.min() < texture.max() < 2
    assert texture.std(axis=(0, 1)).max() > 0.03


def test_object_colour_differs_from_what_is_behind() -> None:
    behind = np.array([0.2, 0.5, 0.1])
    for number in range(20):
        skin = object_texture(numpy_generator(number), 64, behind)
        assert np.abs(skin.mean(axis=(0, 1)) - behind).sum() > 0.3
        assert skin.std(axis=(0, 1)).max() > 0.04


def test_stage_replaces_the_folder(tmp_path: Path) -> None:
    output = tmp_path / "made"
    output.mkdir()
    (output / "old").touch()
    settings = DatasetSettings(images=ImageCounts(train=1, val=1), size=64)
    stage(settings=settings, seed=0, output=str(output))
    assert not (output / "old").exists()
    assert (output / "JPEGImages" / "train_000000.jpg").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["made"]
