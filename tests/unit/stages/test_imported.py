"""CAMs and pseudo-masks of others through the stages: what comes out is as from our own."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chain import CAM, NO_METHOD, REFINEMENT, Chain
from PIL import Image
from whole_store import make_store

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.reliance import read_reliance
from conta_core.images.masks import read_label_png, write_label_png
from conta_core.settings import PseudoMaskSettings
from conta_core.settings.imported import ImportedSettings
from conta_core.stages.evaluate_cams import evaluate_cams
from conta_core.stages.evaluate_reliance import evaluate_reliance
from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.make_pseudo_masks import make_pseudo_masks
from conta_core.stages.refine_cams import refine_cams
from conta_core.storage.stores.reader import StoreReader

ARRAYS = ("keys", "cam", "high_res")
Saver = Callable[[Path, dict[str, np.ndarray]], None]


def as_irnet(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Tensors, and high_res as a float32 array."""
    values: dict[str, Any] = {name: torch.from_numpy(arrays[name]) for name in ("keys", "cam")}
    np.save(path.with_suffix(".npy"), {**values, "high_res": arrays["high_res"].astype("f4")})


FORMS: dict[str, Saver] = {
    "irnet": as_irnet,
    "numpy": lambda path, arrays: np.save(path.with_suffix(".npy"), arrays, allow_pickle=True),
    "npz": lambda path, arrays: np.savez_compressed(path.with_suffix(".npz"), **arrays),
    "pt": lambda path, arrays: torch.save(arrays, path.with_suffix(".pt")),
}


def write(folder: Path, chain: Chain, ids: list[str], form: str = "irnet") -> Path:
    folder.mkdir()
    with StoreReader(chain.path("cams.h5"), "cams") as store:
        for image_id in ids:
            FORMS[form](folder / image_id, {name: store.read(image_id, name) for name in ARRAYS})
    return folder


def extract(chain: Chain, output: Path, source: Path | str, **change: Any) -> Path:
    options: dict[str, Any] = {
        "manifest": chain.manifest,
        "model": None,
        "causal": NO_METHOD,
        "settings": ImportedSettings(source=str(source)),
        "run": chain.run,
        "round_index": 0,
        "threads": 2,
    }
    make_store(extract_cams, output, **{**options, **change})
    return output


@pytest.mark.parametrize("form", FORMS)
def test_the_same_maps_give_the_same_masks(
    chain: Chain, data: Manifest, tmp_path: Path, form: str
) -> None:
    """To the byte, though high_res went by float32."""
    ids = data.ids("train", "val")
    source = write(tmp_path / "source", chain, ids, form)
    cams = extract(chain, tmp_path / "cams.h5", source, parts=2)
    own_store = StoreReader(chain.path("cams.h5"), "cams", classes=data.classes)
    with own_store as own, StoreReader(cams, "cams", ids, data.classes) as found:
        assert found.settings == {"source": str(source)}
        for image_id in ids:
            assert not found.has(image_id, "probability")
            for name in ARRAYS:
                expected = own.read(image_id, name)
                np.testing.assert_array_equal(found.read(image_id, name), expected, strict=True)
    make_store(
        refine_cams,
        tmp_path / "refined.h5",
        manifest=chain.manifest,
        model=chain.path("irn.safetensors"),
        cams=str(cams),
        settings=REFINEMENT,
        run=chain.run,
        round_index=0,
        threads=1,
    )
    refined, masks = str(tmp_path / "refined.h5"), tmp_path / "masks"
    chain.make_pseudo_masks(refined=refined, output=str(masks))
    expected_masks = sorted(Path(chain.path("pseudo_masks")).glob("*.png"))
    assert len(expected_masks) == len(data.ids("train"))
    for path in expected_masks:
        assert (masks / path.name).read_bytes() == path.read_bytes()


def test_our_own_store_as_the_source(chain: Chain, tmp_path: Path) -> None:
    cams = extract(chain, tmp_path / "cams.h5", chain.path("cams.h5"))
    with StoreReader(cams, "cams") as found, StoreReader(chain.path("cams.h5"), "cams") as own:
        for image_id in own.image_ids:
            for name in ARRAYS:
                expected = own.read(image_id, name)
                np.testing.assert_array_equal(found.read(image_id, name), expected, strict=True)


def test_later_rounds_are_the_classifiers(chain: Chain, tmp_path: Path) -> None:
    """The source is no key of theirs."""
    settings = ImportedSettings(method="imported", scales=CAM.scales).without_defaults()
    model = chain.path("cam.safetensors")
    options = {"round_index": 1, "model": model, "settings": settings}
    cams = extract(chain, tmp_path / "cams.h5", "", **options)
    with StoreReader(cams, "cams") as found, StoreReader(chain.path("cams.h5"), "cams") as own:
        assert found.settings == own.settings
        image_id = own.image_ids[0]
        for name in (*ARRAYS, "probability"):
            np.testing.assert_array_equal(found.read(image_id, name), own.read(image_id, name))


def test_a_source_of_the_training_list_alone(
    chain: Chain, data: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = write(tmp_path / "source", chain, data.ids("train"))
    cams = extract(chain, tmp_path / "cams.h5", source)
    assert "has no CAMs of the validation list: they are not scored" in caplog.text
    with StoreReader(cams, "cams") as found:
        assert found.image_ids == sorted(data.ids("train"))
    scores = tmp_path / "cam.json"
    evaluate_cams(
        manifest=chain.manifest, cams=str(cams), output=str(scores), run="r", round_index=0
    )
    lists = json.loads(scores.read_text())["lists"]
    assert lists["train"]["miou"] > 0
    assert (lists["val"]["images"], lists["val"]["miou"]) == (0, None)
    assert lists["val"]["why"] == "the CAMs were read from files, which have none of this list"


def test_a_source_that_lacks_images(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    """One training image, or some validation images: told before any is read."""
    tagged = [i for i in data.ids("train") if data.images[i].tags]
    source = write(tmp_path / "source", chain, data.ids("train"))
    (source / f"{tagged[0]}.npy").unlink()
    (source / f"{tagged[1]}.npy").write_bytes(b"nothing")
    expected = rf"source: lacks the CAMs of 1 of {len(data.ids('train'))} images, among them "
    with pytest.raises(ContaError, match=expected + rf"\['{tagged[0]}'\]"):
        extract(chain, tmp_path / "cams.h5", source)
    val = [i for i in data.ids("val") if data.images[i].tags]
    more = write(tmp_path / "more", chain, [*data.ids("train"), val[0]])
    with pytest.raises(ContaError, match=f"more: lacks the CAMs of {len(val) - 1} of "):
        extract(chain, tmp_path / "cams.h5", more)


def test_a_file_that_does_not_fit_stops_the_stage(
    chain: Chain, data: Manifest, tmp_path: Path
) -> None:
    source = write(tmp_path / "source", chain, data.ids("train"))
    image_id = next(i for i in data.ids("train") if data.images[i].tags)
    other = next(i for i in range(6) if i not in data.tag_indices(image_id))
    np.save(source / f"{image_id}.npy", {other: np.zeros((64, 64), "f4")}, allow_pickle=True)
    with pytest.raises(ContaError, match=f"{image_id}.npy: image {image_id}: it has maps of"):
        extract(chain, tmp_path / "cams.h5", source)
    assert not (tmp_path / "cams.h5").exists()


def test_reliance_without_cams(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    """The classifier is asked, to the same numbers as those of its CAMs."""
    found = []
    for cams in (chain.path("cams.h5"), None):
        evaluate_reliance(
            manifest=chain.manifest,
            model=chain.path("cam.safetensors"),
            method="imported",
            cams=cams,
            pseudo_masks=chain.path("pseudo_masks"),
            causal=NO_METHOD,
            output=str(tmp_path / "reliance.json"),
            images=10,
            run="r",
            round_index=0,
            threads=1,
        )
        found.append(read_reliance(tmp_path / "reliance.json"))
    assert found[0]["classes"].keys() == found[1]["classes"].keys()
    for name, one in found[0]["classes"].items():
        assert one == pytest.approx(found[1]["classes"][name], abs=1e-6)


def take_masks(chain: Chain, folder: Path, output: Path, workers: int = 1) -> None:
    make_pseudo_masks(
        manifest=chain.manifest,
        refined=None,
        first_refined=None,
        output=str(output),
        settings=PseudoMaskSettings(imported=str(folder)),
        area_filter=None,
        workers=workers,
    )


def grey_masks(chain: Chain, folder: Path) -> Path:
    folder.mkdir()
    for path in Path(chain.path("pseudo_masks")).glob("*.png"):
        Image.fromarray(read_label_png(path)).save(folder / path.name)
    return folder


def test_pseudo_masks_of_others(chain: Chain, tmp_path: Path) -> None:
    """Grey ones become palette PNGs; other files of the folder do not matter."""
    folder = grey_masks(chain, tmp_path / "given")
    (folder / "notes.txt").write_text("of others")
    take_masks(chain, folder, tmp_path / "masks", workers=2)
    expected = sorted(Path(chain.path("pseudo_masks")).glob("*.png"))
    assert [path.name for path in sorted((tmp_path / "masks").iterdir())] == [
        path.name for path in expected
    ]
    for path in expected:
        assert (tmp_path / "masks" / path.name).read_bytes() == path.read_bytes()


def test_pseudo_masks_that_do_not_fit(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    folder = grey_masks(chain, tmp_path / "given")
    image_id = next(i for i in data.ids("train") if data.images[i].tags)
    path = folder / f"{image_id}.png"
    labels = read_label_png(path)
    other = next(i for i in range(6) if i not in data.tag_indices(image_id))
    for changed, says in (
        (np.full_like(labels, other + 1), f"it shows {data.classes[other]}, but the image's tags"),
        (np.full_like(labels, 99), "it has the value 99, expected 0 for the background, 1 to 6"),
        (labels[1:], "it is 63 x 64, expected 64 x 64, the image's"),
    ):
        write_label_png(path, changed)
        with pytest.raises(ContaError, match=f"{image_id}.png: {says}"):
            take_masks(chain, folder, tmp_path / "masks")
        assert not (tmp_path / "masks").exists()
    path.unlink()
    with pytest.raises(ContaError, match="given: lacks the masks of 1 of 8 training images"):
        take_masks(chain, folder, tmp_path / "masks")
    with pytest.raises(ContaError, match=r"pseudo_masks\.imported: .*none: no folder that can be"):
        take_masks(chain, tmp_path / "none", tmp_path / "masks")


def test_ignored_pixels_stay(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    folder = grey_masks(chain, tmp_path / "given")
    for path in folder.glob("*.png"):
        labels = read_label_png(path)
        labels[:3] = 255
        write_label_png(path, labels)
    take_masks(chain, folder, tmp_path / "masks")
    for path in (tmp_path / "masks").iterdir():
        assert (read_label_png(path)[:3] == 255).all()


def test_an_untagged_image_needs_no_file(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    image_id = data.ids("train")[0]
    records = dict(data.images)
    records[image_id] = dataclasses.replace(records[image_id], tags=())
    changed = dataclasses.replace(data, images=records)
    changed.save(tmp_path / "dataset.json")
    source = write(tmp_path / "source", chain, [i for i in data.ids("train") if i != image_id])
    cams = extract(chain, tmp_path / "cams.h5", source, manifest=str(tmp_path / "dataset.json"))
    with StoreReader(cams, "cams") as found:
        assert found.read(image_id, "high_res").shape == (0, 64, 64)
