"""Photographs that are larger than stages read them: the same results, masks of their own size."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from chain import SIDE, Chain
from PIL import Image

from conta_core.data.manifest import Manifest
from conta_core.images.masks import read_label_png, resize_labels, write_label_png
from conta_core.images.photographs import read_image
from conta_core.settings import DatasetSettings
from conta_core.stages.evaluate_pseudo_masks import evaluate_pseudo_masks
from conta_core.stages.index_dataset import index_dataset
from conta_core.storage.json_files import read_json

TIMES = 3


@pytest.fixture(scope="module")
def enlarged(tiny_shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The chain on the same data set with every pixel as a square of pixels."""
    folder = tmp_path_factory.mktemp("enlarged")
    root = folder / "shapes"
    shutil.copytree(tiny_shapes, root)
    for path in (root / "JPEGImages").iterdir():
        pixels = read_image(path).repeat(TIMES, axis=0).repeat(TIMES, axis=1)
        Image.fromarray(pixels).save(path, format="PNG")
    for name in ("SegmentationClass", "ContextMaps"):
        for path in (root / name).iterdir():
            labels = read_label_png(path)
            write_label_png(path, resize_labels(labels, (TIMES * SIDE, TIMES * SIDE)))
    manifest = folder / "dataset.json"
    index_dataset(settings=DatasetSettings(long_side=SIDE), made=str(root), output=str(manifest))
    return Chain(folder / "chain", str(manifest)).all()


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


def test_every_store_is_the_same(chain: Chain, enlarged: Chain) -> None:
    stores = sorted(enlarged.folder.rglob("*.h5"))
    assert len(stores) >= 6
    for path in stores:
        found = arrays_of(path)
        expected = arrays_of(chain.folder / path.relative_to(enlarged.folder))
        assert list(found) == list(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{path.name} {name}")


def test_pseudo_masks_have_the_photographs_own_size(chain: Chain, enlarged: Chain) -> None:
    data = Manifest.load(enlarged.manifest)
    for image_id in data.ids("train"):
        found = read_label_png(Path(enlarged.path("pseudo_masks"), f"{image_id}.png"))
        assert found.shape == (TIMES * SIDE, TIMES * SIDE) == data.images[image_id].own_size
        expected = read_label_png(Path(chain.path("pseudo_masks"), f"{image_id}.png"))
        np.testing.assert_array_equal(data.images[image_id].at_working_size(found), expected)


def test_scores_are_the_same(chain: Chain, enlarged: Chain, tmp_path: Path) -> None:
    scores = []
    for name, one in (("small", chain), ("large", enlarged)):
        evaluate_pseudo_masks(
            manifest=one.manifest,
            pseudo_masks=one.path("pseudo_masks"),
            output=str(tmp_path / f"{name}.json"),
            run="r",
            round_index=0,
        )
        entry = read_json(tmp_path / f"{name}.json")["lists"]["train"]
        del entry["ground_truth"]  # names the folder
        scores.append(entry)
    assert scores[0] == scores[1]
    assert scores[0]["miou"] is not None
