import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.confounding import ContextFalsePositives
from conta_core.evaluation.scores.confusion import confusion_matrix, mean_iou
from conta_core.evaluation.scores.threshold_sweep import THRESHOLDS
from conta_core.images.masks import write_label_png
from conta_core.networks.segmentation_output import predicted_labels, softmax, upsample_logits
from conta_core.refinement.crf import refine_probabilities
from conta_core.refinement.pseudo_masks import label_argmax, upsample_refined
from conta_core.settings import CrfSettings
from conta_core.stages.evaluate_cams import evaluate_cams
from conta_core.stages.evaluate_crf import evaluate_crf
from conta_core.stages.evaluate_pseudo_masks import evaluate_pseudo_masks
from conta_core.stages.evaluate_refined import evaluate_refined
from conta_core.stages.evaluate_segmentation import evaluate_segmentation
from conta_core.storage.stores.writer import write_store

SIZE = (26, 30)
CLASSES = ("cat", "dog")
ABOUT: dict[str, Any] = {"classes": CLASSES, "run": "r", "round_index": 1, "settings": {}}
TAGS = {"a": ("cat",), "b": ("cat", "dog"), "c": (), "d": ("dog",), "v": ("dog",), "w": ("cat",)}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Four training and two validation images with masks and context maps; d has no mask."""
    rng = np.random.default_rng(0)
    records = {}
    for name, tags in TAGS.items():
        paths = {kind: str(tmp_path / f"{kind}_{name}.png") for kind in ("i", "m", "c")}
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(paths["i"])
        values = [0, 255, *(CLASSES.index(tag) + 1 for tag in tags)]
        write_label_png(paths["m"], rng.choice(values, SIZE))
        write_label_png(paths["c"], rng.choice([1, 2], SIZE))
        mask = None if name == "d" else paths["m"]
        records[name] = ImageRecord(name, paths["i"], *SIZE, tags, mask, paths["c"])
    lists = {"train": ("a", "b", "c", "d"), "val": ("v", "w")}
    names = {"train": "train_aug", "val": "val"}
    values = {0: 0, 1: 1, 2: 2}
    return save(Manifest("set", CLASSES, lists, names, records, "masks", values), tmp_path)


def save(manifest: Manifest, folder: Path) -> Manifest:
    manifest.save(folder / "dataset.json")
    return manifest


def without(manifest: Manifest, *absent: str) -> Manifest:
    """The same with no value in these fields of any image."""
    images = {i: replace(r, **dict.fromkeys(absent)) for i, r in manifest.images.items()}
    return replace(manifest, images=images, ground_truth=None)


@pytest.fixture
def cams(tmp_path: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    maps = {}
    with write_store(tmp_path / "cams.h5", "cams", **ABOUT) as store:
        for name in TAGS:
            keys = manifest.tag_indices(name)
            maps[name] = rng.random((len(keys), *SIZE)).astype(np.float16)
            arrays = {
                "keys": keys,
                "cam": np.zeros((len(keys), 7, 8), np.float32),
                "high_res": maps[name],
                "probability": np.array([0.25, 0.75], np.float32),
            }
            store.write(name, arrays, SIZE)
    return maps


def arguments(folder: Path) -> dict[str, Any]:
    return {
        "manifest": str(folder / "dataset.json"),
        "output": str(folder / "scores.json"),
        "run": "r",
        "round_index": 1,
    }


def written(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "scores.json").read_text()))


def miou(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return round(mean_iou(sum(confusion_matrix(t, p, 3) for t, p in pairs)), 4)


def test_cams_without_a_classifier(tmp_path: Path, manifest: Manifest) -> None:
    """All but the swap test, which asks for P(class)."""
    rng = np.random.default_rng(1)
    with write_store(tmp_path / "cams.h5", "cams", **ABOUT) as store:
        for name in TAGS:
            keys = manifest.tag_indices(name)
            high = rng.random((len(keys), *SIZE)).astype(np.float16)
            low = np.zeros((len(keys), 7, 8), np.float32)
            store.write(name, {"keys": keys, "cam": low, "high_res": high}, SIZE)
    evaluate_cams(**arguments(tmp_path), cams=str(tmp_path / "cams.h5"))
    content = written(tmp_path)
    assert content["lists"]["val"]["miou"] > 0
    assert content["confounding"]["val"]["images"] == 2
    assert "swap_test" not in content["confounding"]["val"]


@pytest.mark.parametrize("workers", [1, 2])
def test_cams(
    tmp_path: Path, manifest: Manifest, cams: dict[str, np.ndarray], workers: int
) -> None:
    evaluate_cams(**arguments(tmp_path), cams=str(tmp_path / "cams.h5"), workers=workers)
    content = written(tmp_path)
    assert content["format"] == "conta-scores"
    assert (content["run"], content["round"], content["stage"]) == ("r", 1, "cam")

    def at(threshold: float, names: str) -> float:
        return miou(
            [
                (
                    manifest.read_mask(i),
                    label_argmax(cams[i], manifest.tag_indices(i), threshold),
                )
                for i in names
            ]
        )

    train, val = content["lists"]["train"], content["lists"]["val"]
    curve = {f"{t:.2f}": at(t, "abc") for t in THRESHOLDS}
    assert train["curve"] == curve
    best = train["threshold"]["value"]
    assert train["miou"] == max(curve.values()) == curve[f"{best:.2f}"]
    assert train["threshold"]["chosen"] == "best of the sweep on the training list"
    assert (train["list"], train["images"], train["ground_truth"]) == ("train_aug", 3, "masks")
    assert val["threshold"] == train["threshold"]
    assert (val["list"], val["images"], val["miou"]) == ("val", 2, at(best, "vw"))
    assert "curve" not in val

    confounding = content["confounding"]
    assert confounding["train"]["images"] == 3
    # each image shows both contexts, and each validation image lacks one class
    assert confounding["val"]["swap_test"] == {
        "context_present": 0.5,
        "context_absent": None,
        "cases_present": 2,
        "cases_absent": 0,
    }
    assert 30 < confounding["val"]["false_positives_on_own_context"] < 70


def test_cams_without_ground_truth(
    tmp_path: Path, manifest: Manifest, cams: dict[str, np.ndarray]
) -> None:
    save(without(manifest, "mask", "context_map"), tmp_path)
    evaluate_cams(**arguments(tmp_path), cams=str(tmp_path / "cams.h5"))
    content = written(tmp_path)
    assert "confounding" not in content
    for entry, name in ((content["lists"]["train"], "train_aug"), (content["lists"]["val"], "val")):
        assert (entry["miou"], entry["images"]) == (None, 0)
        assert entry["why"] == f"the list {name!r} has no ground-truth masks"
        assert entry["threshold"]["value"] == 0.15
        assert "IRNet" in entry["threshold"]["chosen"]


def test_cams_with_an_empty_validation_list(
    tmp_path: Path, manifest: Manifest, cams: dict[str, np.ndarray]
) -> None:
    save(replace(manifest, lists={**manifest.lists, "val": ()}), tmp_path)
    evaluate_cams(**arguments(tmp_path), cams=str(tmp_path / "cams.h5"))
    content = written(tmp_path)
    assert content["lists"]["val"]["why"] == "the list 'val' is empty"
    assert list(content["confounding"]) == ["train"]


def test_refined(tmp_path: Path, manifest: Manifest) -> None:
    rng = np.random.default_rng(2)
    full = {}
    with write_store(tmp_path / "refined.h5", "refined", **ABOUT) as store:
        for name in manifest.ids("train"):
            keys = manifest.tag_indices(name)
            refined = rng.random((len(keys), 7, 8)).astype(np.float32)
            store.write(name, {"keys": keys, "refined": refined}, SIZE)
            full[name] = upsample_refined(refined, SIZE)
    evaluate_refined(**arguments(tmp_path), refined=str(tmp_path / "refined.h5"))
    content = written(tmp_path)
    assert content["stage"] == "refined"
    assert list(content["lists"]) == ["train"]
    entry = content["lists"]["train"]
    best = entry["threshold"]["value"]
    expected = [
        (manifest.read_mask(i), label_argmax(full[i], manifest.tag_indices(i), best)) for i in "abc"
    ]
    assert entry["miou"] == miou(expected) == max(entry["curve"].values())
    save(without(manifest, "mask"), tmp_path)
    evaluate_refined(**arguments(tmp_path), refined=str(tmp_path / "refined.h5"))
    assert "why" in written(tmp_path)["lists"]["train"]


def test_pseudo_masks(tmp_path: Path, manifest: Manifest) -> None:
    rng = np.random.default_rng(3)
    folder = tmp_path / "pseudo_masks"
    folder.mkdir()
    masks = {}
    for name in manifest.ids("train"):
        masks[name] = rng.choice(np.array([0, 1, 2, 255], np.uint8), SIZE)
        write_label_png(folder / f"{name}.png", masks[name])
    evaluate_pseudo_masks(**arguments(tmp_path), pseudo_masks=str(folder))
    entry = written(tmp_path)["lists"]["train"]
    assert entry["miou"] == miou([(manifest.read_mask(i), masks[i]) for i in "abc"])
    assert entry["threshold"] is None

    write_label_png(folder / "b.png", np.full(SIZE, 7))
    with pytest.raises(ContaError, match=r"b\.png: a label of 3 or more"):
        evaluate_pseudo_masks(**arguments(tmp_path), pseudo_masks=str(folder))
    (folder / "b.png").unlink()
    with pytest.raises(ContaError, match="lacks the masks of 1 images"):
        evaluate_pseudo_masks(**arguments(tmp_path), pseudo_masks=str(folder))


def test_pairs_of_every_stage_with_masks(tmp_path: Path) -> None:
    """Cat beside dog in every second image: half a cat is found there, and a whole one alone."""
    beside = np.array([[1, 1, 2, 2], [1, 1, 0, 255]], np.uint8)
    alone = np.array([[1, 1, 0, 0], [1, 1, 0, 0]], np.uint8)
    found = np.array([[1, 1, 2, 2], [0, 0, 0, 1]], np.uint8)
    truths = {f"i{n}": alone if n % 2 else beside for n in range(14)}
    masks = {name: alone if truth is alone else found for name, truth in truths.items()}
    records = {}
    for name, truth in truths.items():
        write_label_png(tmp_path / f"m_{name}.png", truth)
        image = str(tmp_path / f"i_{name}.png")
        Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(image)
        tags = ("cat",) if truth is alone else ("cat", "dog")
        records[name] = ImageRecord(name, image, 2, 4, tags, str(tmp_path / f"m_{name}.png"))
    lists = {"train": tuple(records), "val": tuple(records)[::-1]}
    names = {"train": "train", "val": "val"}
    save(Manifest("set", CLASSES, lists, names, records, "masks", {0: 0, 1: 1, 2: 2}), tmp_path)
    for name, mask in masks.items():
        write_label_png(tmp_path / f"{name}.png", mask)
    with (
        write_store(tmp_path / "train_masks.h5", "train_masks", **ABOUT) as train_masks,
        write_store(tmp_path / "logits.h5", "logits", **ABOUT) as logits,
    ):
        for name, mask in masks.items():
            train_masks.write(name, {"mask": mask}, (2, 4))
            one = 9 * (mask == np.arange(3)[:, None, None]).astype(np.float32)
            logits.write(name, {"logits": one}, (2, 4))
    pairs = [
        {
            "class": "cat",
            "companion": "dog",
            "share": 50.0,
            "with_companion": {"images": 7, "iou": 50.0, "fpr": 0.0, "fnr": 50.0},
            "without_companion": {"images": 7, "iou": 100.0, "fpr": 0.0, "fnr": 0.0},
        }
    ]
    # all of the dogs have a cat, so that no image is without it
    evaluate_pseudo_masks(**arguments(tmp_path), pseudo_masks=str(tmp_path))
    assert written(tmp_path)["lists"]["train"]["pairs"] == pairs
    stores = {kind: str(tmp_path / f"{kind}.h5") for kind in ("train_masks", "logits")}
    evaluate_segmentation(**arguments(tmp_path), **stores)
    found_lists = written(tmp_path)["lists"]
    assert found_lists["train"]["pairs"] == found_lists["val"]["pairs"] == pairs
    # of 8 cat pixels in two images 6 are found; the dogs all are
    expected = {"iou": 87.5, "fpr": 0.0, "fnr": 12.5, "confusion_ratio": 0.0}
    assert found_lists["val"]["means"]["foreground"] == expected
    settings = CrfSettings(iterations=1, gaussian_compat=0.0, bilateral_compat=0.0)
    logits_path = str(tmp_path / "logits.h5")
    evaluate_crf(**arguments(tmp_path), logits=logits_path, settings=settings, workers=1)
    assert written(tmp_path)["lists"]["val"]["pairs"] == pairs


@pytest.fixture
def logits(tmp_path: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    arrays = {}
    with write_store(tmp_path / "logits.h5", "logits", **ABOUT) as store:
        for name in manifest.ids("val"):
            arrays[name] = rng.normal(size=(3, 4, 4)).astype(np.float32)
            store.write(name, {"logits": arrays[name]}, SIZE)
    return arrays


def test_segmentation(tmp_path: Path, manifest: Manifest, logits: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    masks = {}
    with write_store(tmp_path / "train_masks.h5", "train_masks", **ABOUT) as store:
        for name in manifest.ids("train"):
            masks[name] = rng.integers(0, 3, SIZE, dtype=np.uint8)
            store.write(name, {"mask": masks[name]}, SIZE)
    stores = {kind: str(tmp_path / f"{kind}.h5") for kind in ("train_masks", "logits")}
    evaluate_segmentation(**arguments(tmp_path), **stores)
    content = written(tmp_path)
    predicted = {i: predicted_labels(logits[i], SIZE) for i in "vw"}
    lists = content["lists"]
    assert lists["train"]["miou"] == miou([(manifest.read_mask(i), masks[i]) for i in "abc"])
    assert lists["val"]["miou"] == miou([(manifest.read_mask(i), predicted[i]) for i in "vw"])
    places = ContextFalsePositives()
    for i in "vw":
        context = np.asarray(Image.open(str(manifest.images[i].context_map)))
        places.update(predicted[i], manifest.read_mask(i), context, range(2))
    assert content["confounding"] == {"val": places.result()}

    save(without(manifest, "context_map"), tmp_path)
    evaluate_segmentation(**arguments(tmp_path), **stores)
    assert "confounding" not in written(tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_crf(
    tmp_path: Path, manifest: Manifest, logits: dict[str, np.ndarray], workers: int
) -> None:
    settings = CrfSettings(iterations=3)
    store = str(tmp_path / "logits.h5")
    evaluate_crf(**arguments(tmp_path), logits=store, settings=settings, workers=workers)
    content = written(tmp_path)
    assert content["stage"] == "segmentation_crf"
    pairs = []
    for i in "vw":
        image = np.asarray(Image.open(manifest.images[i].image))
        probabilities = softmax(upsample_logits(logits[i], SIZE))
        refined = refine_probabilities(image, probabilities, settings)
        pairs.append((manifest.read_mask(i), refined.argmax(axis=0).astype(np.uint8)))
    assert content["lists"]["val"]["miou"] == miou(pairs)


def test_a_store_that_lacks_an_image_is_refused(
    tmp_path: Path, manifest: Manifest, logits: dict[str, np.ndarray]
) -> None:
    lists = {"train": manifest.lists["train"], "val": ("v", "w", "a")}
    save(replace(manifest, lists=lists), tmp_path)
    with pytest.raises(ContaError, match="lacks 1 images"):
        evaluate_crf(
            **arguments(tmp_path),
            logits=str(tmp_path / "logits.h5"),
            settings=CrfSettings(),
            workers=1,
        )


def test_logits_are_upsampled_with_half_pixel_centres() -> None:
    logits = np.array([[[0.0, 1.0]], [[1.0, 0.0]]], dtype=np.float32)
    full = upsample_logits(logits, (2, 4))
    np.testing.assert_allclose(full[0], [[0, 0.25, 0.75, 1]] * 2)
    np.testing.assert_array_equal(predicted_labels(logits, (2, 4)), [[1, 1, 0, 0]] * 2)


def test_softmax_of_large_logits() -> None:
    probabilities = softmax(np.array([[1000.0], [1000.0]], dtype=np.float32))
    np.testing.assert_allclose(probabilities, 0.5)
