from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from whole_store import make_store

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.refinement.ir_labels import ir_labels
from conta_core.settings import IrnSettings, LabelCrfSettings
from conta_core.stages.make_irn_labels import make_irn_labels
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store

#: leaves labels as they are
NO_CRF = LabelCrfSettings(confidence=0.9, gaussian_compat=0.0, bilateral_compat=0.0, iterations=1)
IRNET = {"foreground_threshold": 0.30, "background_threshold": 0.05}
PLAIN = IrnSettings(label_crf=NO_CRF, **IRNET)
CLASSES = ("cat", "dog", "cow", "horse")


def test_confident_foreground_background_and_the_rest() -> None:
    values = np.array([[0.0, 0.05, 0.06, 0.30, 0.31, 0.9]], dtype=np.float32)
    other = np.array([[0.0, 0.00, 0.00, 0.00, 0.40, 0.1]], dtype=np.float32)
    image = np.zeros((1, 6, 3), dtype=np.uint8)
    labels = ir_labels(image, np.stack([values, other]), np.array([1, 3]), PLAIN)
    # a value equal to a threshold is not above it
    np.testing.assert_array_equal(labels, [[0, 0, 255, 255, 4, 2]])
    assert labels.dtype == np.uint8


def test_naive_transcription() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    cams = rng.random((3, 9, 7)).astype(np.float32) ** 3
    keys = np.array([0, 2, 3])
    labels = ir_labels(image, cams, keys, PLAIN)
    for y, x in np.ndindex(9, 7):
        foreground = np.argmax([0.30, *cams[:, y, x]])
        background = np.argmax([0.05, *cams[:, y, x]])
        if foreground > 0:
            assert labels[y, x] == keys[foreground - 1] + 1
        else:
            assert labels[y, x] == (0 if background == 0 else 255)


def test_no_tags_is_all_background() -> None:
    image = np.zeros((5, 4, 3), dtype=np.uint8)
    labels = ir_labels(image, np.zeros((0, 5, 4), np.float32), np.zeros(0, np.int64), PLAIN)
    np.testing.assert_array_equal(labels, np.zeros((5, 4)))


def test_cams_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="CAMs of"):
        ir_labels(np.zeros((5, 4, 3), np.uint8), np.zeros((1, 4, 5)), np.array([0]), PLAIN)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    rng = np.random.default_rng(0)
    records = {}
    for name, tags in (("a", ("dog",)), ("b", ()), ("c", ("cat", "cow"))):
        path = tmp_path / f"{name}.png"
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
        records[name] = ImageRecord(name, str(path), 20, 24, tags)
    lists = {"train": ("c", "a", "b"), "val": ()}
    manifest = Manifest("set", CLASSES, lists, {"train": "train", "val": "val"}, records)
    manifest.save(tmp_path / "dataset.json")
    return manifest


def write_cams(path: Path, manifest: Manifest, ids: tuple[str, ...]) -> None:
    rng = np.random.default_rng(2)
    about = {"classes": CLASSES, "run": "r", "round_index": 1, "settings": {}}
    with write_store(path, "cams", **about) as store:
        for image_id in ids:
            keys = manifest.tag_indices(image_id)
            arrays = {
                "keys": keys,
                "cam": np.zeros((len(keys), 5, 6), np.float32),
                "high_res": rng.random((len(keys), 20, 24)).astype(np.float16),
                "probability": np.zeros(4, np.float32),
            }
            store.write(image_id, arrays, (20, 24))


@pytest.mark.parametrize("workers", [1, 2])
def test_stage_writes_the_labels_of_every_training_image(
    tmp_path: Path, manifest: Manifest, workers: int
) -> None:
    write_cams(tmp_path / "cams.h5", manifest, ("a", "b", "c"))
    settings = IrnSettings(**IRNET)
    make_store(
        make_irn_labels,
        tmp_path / "labels.h5",
        run="r",
        round_index=1,
        manifest=str(tmp_path / "dataset.json"),
        cams=str(tmp_path / "cams.h5"),
        settings=settings,
        workers=workers,
    )
    with (
        StoreReader(tmp_path / "labels.h5", "labels", ("a", "b", "c"), CLASSES) as labels,
        StoreReader(tmp_path / "cams.h5", "cams") as cams,
    ):
        assert (labels.run, labels.round) == ("r", 1)
        assert labels.settings["foreground_threshold"] == 0.3
        for image_id in "abc":
            image = np.asarray(Image.open(manifest.images[image_id].image))
            arrays = cams.read(image_id, "high_res"), cams.read(image_id, "keys")
            expected = ir_labels(image, *arrays, settings)
            np.testing.assert_array_equal(labels.read(image_id, "labels"), expected)


def test_stage_refuses_cams_that_lack_an_image(tmp_path: Path, manifest: Manifest) -> None:
    write_cams(tmp_path / "cams.h5", manifest, ("a", "c"))
    with pytest.raises(ContaError, match="lacks 1 images"):
        make_store(
            make_irn_labels,
            tmp_path / "labels.h5",
            run="r",
            round_index=0,
            manifest=str(tmp_path / "dataset.json"),
            cams=str(tmp_path / "cams.h5"),
            settings=PLAIN,
            workers=1,
        )
    assert not (tmp_path / "labels.h5").exists()
