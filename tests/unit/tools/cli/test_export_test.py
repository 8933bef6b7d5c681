from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError
from conta_core.images.masks import voc_palette
from conta_core.storage.stores.writer import write_store
from conta_core.tools.cli.app import app
from conta_core.tools.exporting.voc_results import export_voc_results

SIZE = (26, 34)
IDS = ("2008_000006", "2008_000011")


def write_logits(path: Path, classes: Sequence[str], ids: Sequence[str] = IDS) -> Path:
    """Logits of which the upper half is background and the lower half the last class."""
    logits = np.zeros((len(classes) + 1, 4, 5), np.float32)
    logits[0, :2] = 5
    logits[-1, 2:] = 5
    with write_store(path, "logits", classes=classes, run="r", round_index=0, settings={}) as store:
        for image_id in ids:
            store.write(image_id, {"logits": logits}, size=SIZE)
    return path


def test_layout_palette_and_sizes(tmp_path: Path) -> None:
    logits = write_logits(tmp_path / "logits.h5", VOC_CLASSES)
    result = CliRunner().invoke(app, ["export-test", str(logits), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out/results/VOC2012/Segmentation/comp6_test_cls"
    assert sorted(p.name for p in folder.iterdir()) == [f"{i}.png" for i in IDS]
    with Image.open(folder / f"{IDS[0]}.png") as image:
        assert image.mode == "P"
        assert image.size == SIZE[::-1]
        np.testing.assert_array_equal(
            np.array(image.getpalette()).reshape(-1, 3)[:21], voc_palette()[:21]
        )
        labels = np.array(image)
    assert set(np.unique(labels)) == {0, 20}
    assert (labels[0] == 0).all()
    assert (labels[-1] == 20).all()
    assert "2 predictions in" in result.output
    assert "tar czf results.tgz" in result.output


def test_some_classes_keep_vocs_values(tmp_path: Path) -> None:
    logits = write_logits(tmp_path / "logits.h5", ["sofa", "dog"])
    folder = export_voc_results(logits, tmp_path / "out", competition="comp5")
    assert folder.name == "comp5_test_cls"
    with Image.open(folder / f"{IDS[1]}.png") as image:
        assert set(np.unique(image)) == {0, VOC_CLASSES.index("dog") + 1}


def test_images_that_stages_read_smaller(tmp_path: Path) -> None:
    """The server takes the images' own sizes, which the run's manifest knows."""
    own = (2 * SIZE[0], 2 * SIZE[1])
    records = {
        i: ImageRecord(i, f"{i}.jpg", *SIZE, tags=(), stored_size=size)
        for i, size in zip(IDS, (own, None), strict=True)
    }
    names = {"train": "train", "val": "test"}
    Manifest("voc", ("dog",), {"train": (), "val": IDS}, names, records).save(
        tmp_path / "dataset.json"
    )
    folder = tmp_path / "round-0" / "segmentation"
    folder.mkdir(parents=True)
    logits = write_logits(folder / "logits.h5", ["dog"])
    result = CliRunner().invoke(app, ["export-test", str(logits), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    for image_id, size in zip(IDS, (own, SIZE), strict=True):
        path = tmp_path / f"out/results/VOC2012/Segmentation/comp6_test_cls/{image_id}.png"
        with Image.open(path) as image:
            assert image.size == size[::-1]


def test_what_the_server_does_not_take(tmp_path: Path) -> None:
    logits = write_logits(tmp_path / "a.h5", ["dog", "zebra"])
    with pytest.raises(ContaError, match="predicts the classes zebra, which VOC does not have"):
        export_voc_results(logits, tmp_path / "out")
    with pytest.raises(ContaError, match="holds no image"):
        export_voc_results(write_logits(tmp_path / "b.h5", ["dog"], ()), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_after_the_crf(tmp_path: Path) -> None:
    logits = write_logits(tmp_path / "logits.h5", ["dog"])
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[10:] = 250  # the object's edge is above the logits' own
    Image.fromarray(pixels).save(tmp_path / "i.png")
    records = {i: ImageRecord(i, str(tmp_path / "i.png"), *SIZE, tags=()) for i in IDS}
    manifest = Manifest(
        "voc", ("dog",), {"train": (), "val": IDS}, {"train": "train", "val": "test"}, records
    )
    manifest.save(tmp_path / "dataset.json")
    options = ["-o", str(tmp_path / "out"), "--crf", str(tmp_path / "dataset.json")]
    result = CliRunner().invoke(app, ["export-test", str(logits), *options])
    assert result.exit_code == 0, result.output
    path = tmp_path / f"out/results/VOC2012/Segmentation/comp6_test_cls/{IDS[0]}.png"
    with Image.open(path) as image:
        labels = np.array(image)
    assert (labels[11:] == 12).all()
    assert (labels[:9] == 0).all()
    other = write_logits(tmp_path / "other.h5", ["dog"], ["2008_000099"])
    result = CliRunner().invoke(app, ["export-test", str(other), *options])
    assert isinstance(result.exception, ContaError)
    assert "has no image 2008_000099" in str(result.exception)
