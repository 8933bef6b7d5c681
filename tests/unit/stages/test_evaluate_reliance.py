from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chain import NO_METHOD, Chain, causal

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.reliance import read_reliance
from conta_core.images.masks import write_label_png
from conta_core.stages import evaluate_reliance as stage
from conta_core.storage.stores.reader import StoreReader


def ask(chain: Chain, folder: Path, **change: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "manifest": chain.manifest,
        "model": chain.path("cam.safetensors"),
        "method": "classifier",
        "cams": chain.path("cams.h5"),
        "pseudo_masks": chain.path("pseudo_masks"),
        "causal": NO_METHOD,
        "output": str(folder / "reliance.json"),
        "images": 1000,
        "run": chain.run,
        "round_index": 0,
        "threads": 1,
    }
    stage.evaluate_reliance(**{**options, **change})
    return read_reliance(folder / "reliance.json")


def write_truth(data: Manifest, folder: Path) -> str:
    folder.mkdir()
    for image_id in data.ids("train"):
        write_label_png(folder / f"{image_id}.png", data.read_mask(image_id))
    return str(folder)


def test_before_and_absent_are_those_of_the_cams(
    chain: Chain, data: Manifest, tmp_path: Path
) -> None:
    found = ask(chain, tmp_path, pseudo_masks=write_truth(data, tmp_path / "truth"))
    assert found["images"] == sum(bool(data.images[i].tags) for i in data.ids("train"))
    with StoreReader(chain.path("cams.h5"), "cams") as store:
        probability = np.stack([store.read(i, "probability") for i in data.ids("train")])
    tags = np.stack([data.tag_vector(i) for i in data.ids("train")]) > 0
    for index, name in enumerate(data.classes):
        one, has = found["classes"][name], tags[:, index]
        assert one["images"] == has.sum()
        for key, values in (
            ("before", probability[has, index]),
            ("absent", probability[~has, index]),
        ):
            expected = pytest.approx(values.mean(), abs=1e-6) if len(values) else None
            assert one[key] == expected


def test_objects_that_the_pseudo_mask_does_not_show_are_not_asked(
    chain: Chain, data: Manifest, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for image_id in data.ids("train"):
        write_label_png(folder / f"{image_id}.png", np.zeros(data.images[image_id].size, np.uint8))
    found = ask(chain, tmp_path, pseudo_masks=str(folder))
    assert found["mean"] == {"images": 0, "before": None, "after": None, "absent": None}
    assert all(one["images"] == 0 for one in found["classes"].values())


def test_what_is_asked_is_the_image_without_this_class(
    chain: Chain, data: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A classifier that gives each class what share of the image is not as it was."""
    originals = {i: data.images[i].read_image() for i in data.ids("train")}
    changed: list[np.ndarray] = []

    def class_probabilities(_: Any, image: np.ndarray, *__: Any) -> np.ndarray:
        original = min(originals.values(), key=lambda one: int((one != image).any(-1).sum()))
        changed.append((original != image).any(-1))
        return np.full(len(data.classes), changed[-1].mean())

    monkeypatch.setattr(stage, "class_probabilities", class_probabilities)
    found = ask(chain, tmp_path, pseudo_masks=write_truth(data, tmp_path / "truth"))
    masks = []
    for image_id in data.ids("train"):
        labels = data.read_mask(image_id)
        masks += [labels == index + 1 for index in data.tag_indices(image_id)]
    assert len(changed) == len(masks) == found["mean"]["images"]
    for seen, mask in zip(changed, masks, strict=True):
        assert seen[mask].mean() > 0.9  # filled in; single pixels may keep their colour
        assert seen[~mask].mean() < 0.35  # and a rim of it


@pytest.mark.parametrize("count", [1, 3])
def test_a_part_of_the_list(chain: Chain, tmp_path: Path, count: int) -> None:
    assert ask(chain, tmp_path, images=count)["images"] == count


def test_several_at_once_give_the_same(chain: Chain, tmp_path: Path) -> None:
    one = ask(chain, tmp_path)
    assert ask(chain, tmp_path, threads=3) == one
    assert json.loads((tmp_path / "reliance.json").read_text())["format"] == "conta-reliance"


def test_a_net_that_reads_a_context(chain: Chain, tmp_path: Path) -> None:
    options = {
        "model": chain.path("cam.safetensors", 1),
        "cams": chain.path("cams.h5", 1),
        "causal": causal(context=chain.path("context.h5")),
        "round_index": 1,
    }
    assert 0 <= ask(chain, tmp_path, **options)["mean"]["after"] <= 1
    with pytest.raises(ValueError, match="reads a context, and none was given"):
        ask(chain, tmp_path, **{**options, "causal": NO_METHOD})


def test_a_mask_that_is_not_there(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ContaError, match="lacks the masks of"):
        ask(chain, tmp_path, pseudo_masks=str(tmp_path / "none"))
