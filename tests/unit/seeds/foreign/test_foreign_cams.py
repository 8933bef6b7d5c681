"""CAMs of others: every form that is known, and one clear message for what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conta_core.data.image_record import ImageRecord
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.seeds.cams import ImageCams
from conta_core.seeds.foreign.fitting import enlarge, reduce
from conta_core.seeds.foreign.sources import open_source
from conta_core.storage.stores.writer import write_store

CLASSES = ("bird", "cat", "cow", "dog")
#: no side is a multiple of 4
SIZE = (18, 21)
GRID = (5, 6)
KEYS = np.array([1, 3])
RECORD = ImageRecord("a_1", "a_1.jpg", *SIZE, ("dog", "cat"))


def maps() -> tuple[np.ndarray, np.ndarray]:
    """CAMs on the grid, float32, and at full size, float16; both in the order of KEYS."""
    generator = np.random.default_rng(3)
    cam = generator.random((2, *GRID), np.float32)
    return cam, generator.random((2, *SIZE), np.float32).astype(np.float16)


def read(folder: Path, record: ImageRecord = RECORD, keys: np.ndarray = KEYS) -> ImageCams:
    return open_source(folder, CLASSES).read(record, keys)


def require_own(found: ImageCams, cam: np.ndarray, high_res: np.ndarray) -> None:
    assert found.probability is None
    np.testing.assert_array_equal(found.cam, cam.astype(np.float32), strict=True)
    np.testing.assert_array_equal(found.high_res, high_res.astype(np.float16), strict=True)


def irnet(cam: np.ndarray, high_res: np.ndarray) -> dict[str, Any]:
    """keys and cam are tensors there, high_res a float32 array."""
    keys = torch.nonzero(torch.tensor([0, 1, 0, 1]))[:, 0]
    return {"keys": keys, "cam": torch.from_numpy(cam), "high_res": high_res.astype(np.float32)}


SAVERS: dict[str, Callable[[Path, Any], None]] = {
    "npy": lambda path, values: np.save(path, values, allow_pickle=True),
    "npz": lambda path, values: np.savez(path, **{str(key): one for key, one in values.items()}),
    "pt": lambda path, values: torch.save(values, path),
    "pth": lambda path, values: torch.save(values, path, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("ending", SAVERS)
def test_irnets_form(tmp_path: Path, ending: str) -> None:
    cam, high_res = maps()
    SAVERS[ending](tmp_path / f"a_1.{ending}", irnet(cam, high_res))
    require_own(read(tmp_path), cam, high_res)


def test_irnets_form_without_torch(tmp_path: Path) -> None:
    cam, high_res = maps()
    values = {"keys": KEYS, "cam": cam, "high_res": high_res}
    np.save(tmp_path / "a_1.npy", values, allow_pickle=True)
    require_own(read(tmp_path), cam, high_res)
    np.savez(tmp_path / "b.npz", values, allow_pickle=True)  # the dict as one object
    record = ImageRecord("b", "b.jpg", *SIZE, ("dog", "cat"))
    require_own(read(tmp_path, record), cam, high_res)


def test_keys_in_another_order(tmp_path: Path) -> None:
    """CLIP-ES has them in the order of the annotation."""
    cam, high_res = maps()
    values = {"keys": [3, 1], "cam": cam[::-1], "high_res": high_res[::-1]}
    np.save(tmp_path / "a_1.npy", values, allow_pickle=True)
    require_own(read(tmp_path), cam, high_res)


@pytest.mark.parametrize("ending", SAVERS)
def test_the_form_of_clip_es(tmp_path: Path, ending: str) -> None:
    _, high_res = maps()
    values = {"keys": np.array([1, 3]), "attn_highres": high_res}
    SAVERS[ending](tmp_path / f"a_1.{ending}", values)
    found = read(tmp_path)
    require_own(found, found.cam, high_res)
    assert found.cam.shape == (2, *GRID)
    # a cell's value is bilinear at its centre, between its second and third pixels
    assert found.cam[0, 1, 2] == pytest.approx(high_res[0, 5:7, 9:11].astype(np.float32).mean())
    # the last row and column repeat the image's last pixels: 18 = 4 x 4 + 2, 21 = 5 x 4 + 1
    last = high_res[1, 17, 20].astype(np.float32)
    assert found.cam[1, 4, 5] == pytest.approx(last)


@pytest.mark.parametrize("ending", SAVERS)
def test_the_form_of_seam(tmp_path: Path, ending: str) -> None:
    """A map's minimum lies below 0 there: (x - min - 1e-5) / (max - min + 1e-5)."""
    summed = np.random.default_rng(1).random((2, *SIZE)) + 0.25
    least, most = (f(summed, (1, 2), keepdims=True) for f in (np.min, np.max))
    normed = ((summed - least - 1e-5) / (most - least + 1e-5)).astype(np.float32)
    normed[0, 0, 0] = -0.3
    SAVERS[ending](tmp_path / f"a_1.{ending}", {3: normed[1], 1: normed[0]})
    found = read(tmp_path)
    clipped = np.clip(normed, 0, 1)
    require_own(found, reduce(clipped), clipped)


def test_cam_alone(tmp_path: Path) -> None:
    cam, _ = maps()
    np.save(tmp_path / "a_1.npy", {"keys": KEYS, "cam": cam}, allow_pickle=True)
    found = read(tmp_path)
    wanted = F.interpolate(torch.from_numpy(cam)[None], scale_factor=4, mode="bilinear")[0]
    np.testing.assert_array_equal(found.cam, cam, strict=True)
    np.testing.assert_allclose(
        found.high_res, wanted[:, : SIZE[0], : SIZE[1]].numpy(), rtol=1e-3, atol=1e-6
    )


def test_reducing_and_enlarging_move_nothing() -> None:
    ramp = np.linspace(0, 1, 40, dtype=np.float32)
    full = np.broadcast_to(ramp[None, :, None] * ramp, (1, 40, 40))
    inside = np.s_[:, 2:-2, 2:-2]
    np.testing.assert_allclose(enlarge(reduce(full), (40, 40))[inside], full[inside], atol=1e-6)


def test_pseudo_masks_as_maps_of_0_and_1(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice([0, 2, 4, 255], size=SIZE).astype(np.uint8)
    write_label_png(tmp_path / "a_1.png", labels)
    found = read(tmp_path)
    full = np.stack([labels == 2, labels == 4])
    require_own(found, reduce(full), full)
    # a mask need not show every tag
    write_label_png(tmp_path / "a_1.png", np.where(labels == 4, 0, labels))
    assert not read(tmp_path).high_res[1].any()


def store(path: Path, **changed: np.ndarray) -> Path:
    cam, high_res = maps()
    arrays = {"keys": KEYS, "cam": cam, "high_res": high_res, "probability": np.ones(4, "f4")}
    header = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    with write_store(path, "cams", **header) as writer:
        writer.write("a_1", {**arrays, **changed}, size=SIZE)
    return path


def test_a_store_of_ours(tmp_path: Path) -> None:
    path = store(tmp_path / "cams.h5")
    require_own(read(path), *maps())
    source = open_source(path, CLASSES)
    source.require([RECORD])
    with pytest.raises(ContaError, match=r"cams\.h5: lacks the CAMs of 1 of 1 images, among"):
        source.require([ImageRecord("b", "b.jpg", *SIZE, ("cat",))])
    with pytest.raises(ContaError, match=r"cams\.h5: made for the classes"):
        open_source(path, CLASSES[::-1])
    store(path, keys=np.array([1, 2]))
    with pytest.raises(ContaError, match="image a_1: it has maps of cat, cow, but the image's"):
        read(path)


def test_an_image_without_tags(tmp_path: Path) -> None:
    record, none = ImageRecord("a_1", "a_1.jpg", *SIZE, ()), np.zeros(0, np.int64)
    empty = np.zeros((0, *GRID)), np.zeros((0, *SIZE))
    require_own(read(tmp_path, record, none), *empty)
    open_source(tmp_path, CLASSES).require([record])
    for values in (
        {},
        {"keys": torch.tensor([]), "attn_highres": np.zeros((0, *SIZE))},
        {"keys": torch.zeros(0, dtype=torch.long), "cam": torch.zeros(0, *GRID)},
    ):
        np.save(tmp_path / "a_1.npy", values, allow_pickle=True)
        require_own(read(tmp_path, record, none), *empty)
    np.save(tmp_path / "a_1.npy", irnet(*maps()), allow_pickle=True)
    with pytest.raises(ContaError, match="maps of cat, dog, but the image's tags are none"):
        read(tmp_path, record, none)


def changed(**others: Any) -> dict[str, Any]:
    cam, high_res = maps()
    return {"keys": KEYS, "cam": cam, "high_res": high_res, **others}


CAM, FULL = maps()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (changed(keys=np.array([1, 4])), "it has the class index 4, expected 0 to 3, without the"),
        (changed(keys=np.array([-1, 3])), "it has the class index -1, expected 0 to 3"),
        (changed(keys=np.array([10**15, 3])), "it has the class index 1000000000000000"),
        (changed(keys=np.array([1, 1])), r"it has a class twice: \[1, 1\]"),
        (changed(keys=np.array([1, 2])),
         "maps of cat, cow, but the image's tags are cat, dog; correct the tags, or make"),
        ({1: FULL[0]}, "maps of cat, but the image's tags are cat, dog"),
        ({}, "maps of none, but the image's tags are cat, dog"),
        (changed(keys=np.array([1.0, 3.0])), "keys are an array of float64 and shape .2,."),
        (changed(keys=np.array([[1], [3]])), "keys are an array of int64"),
        (changed(keys="ab"), "keys are a str, expected whole numbers"),
        (changed(keys=np.array([1])), "it has 1 keys but 2 maps in cam"),
        (changed(cam=CAM[:, :-1]), "its cam are 4 x 6, expected 5 x 6 for this image"),
        (changed(high_res=FULL[:, :, :-1]), "maps at full size are 18 x 20, expected 18 x 21"),
        ({1: FULL[0], 3: FULL[1, 1:]}, "its maps are of several sizes"),
        ({1: CAM[0], 3: CAM[1]}, "maps at full size are 5 x 6, expected 18 x 21"),
        (changed(cam=CAM[0]), "its cam is an array of float32 and shape .5, 6., expected"),
        (changed(cam=[1, 2]), "its cam is a list, expected an array"),
        (changed(cam=(CAM * 255).astype(np.uint8)), "its cam are of type uint8, expected float16"),
        (changed(cam=np.where(CAM > 0.5, np.nan, CAM)), "its cam hold values that are no number"),
        (changed(high_res=np.full_like(FULL, np.inf)), "hold values that are no number"),
        (changed(cam=CAM * 7), "its cam lie in .* expected 0 to 1; divide each map by its maximum"),
        (changed(high_res=FULL - np.float16(0.1)), "maps at full size lie in -0.*, expected 0 to"),
        ({1: FULL[0], 3: FULL[1] * 2}, "lie in .*, expected 0 to 1"),
        (changed(attn_highres=FULL), "both high_res and attn_highres"),
        ({"keys": KEYS, "pred": FULL}, "no maps beside its keys but keys, pred; expected"),
        ({"cat": FULL[0]}, "it has the key 'cat', expected"),
        ({1: 3.0, 3: 4.0}, "of class 1 it has a float, expected a map"),
        (FULL, "it holds an array of float16 and shape .2, 18, 21., expected {keys"),
        ([1], "it holds a list, expected"),
        (3, "it holds a int, expected"),
    ],
)  # fmt: skip
def test_what_does_not_fit(tmp_path: Path, values: Any, says: str) -> None:
    torch.save(values, tmp_path / "a_1.pt")
    with pytest.raises(ContaError, match=says) as error:
        read(tmp_path)
    text = str(error.value)
    assert text.startswith(f"{tmp_path}/a_1.pt: image a_1: ")
    assert "; " in text


def test_seams_crf_files_are_no_cams(tmp_path: Path) -> None:
    """They number the background 0."""
    values = {0: FULL[0], 2: FULL[0], 4: FULL[1]}
    classes = (*CLASSES, "horse")
    np.save(tmp_path / "a_1.npy", values, allow_pickle=True)
    with pytest.raises(ContaError, match="here 0 seems to be the background") as error:
        open_source(tmp_path, classes).read(RECORD, KEYS)
    assert "leave the background's map out, and number the classes from 0" in str(error.value)


def test_rounding_beyond_1_is_cut_off(tmp_path: Path) -> None:
    cam, high_res = maps()
    cam[0, 0, 0], cam[0, 0, 1] = 1 + 1e-5, -1e-5
    np.save(tmp_path / "a_1.npy", changed(cam=cam), allow_pickle=True)
    require_own(read(tmp_path), np.clip(cam, 0, 1), high_res)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros((18, 20)), "it is 18 x 20, expected 18 x 21, the image's"),
        (np.full(SIZE, 5), "it has the value 5, expected 0 for the background, 1 to 4 for the"),
        (np.full(SIZE, 3), "it shows cow, but the image's tags are cat, dog; correct the tags, or"),
    ],
)
def test_pseudo_masks_that_do_not_fit(tmp_path: Path, labels: np.ndarray, says: str) -> None:
    write_label_png(tmp_path / "a_1.png", labels.astype(np.uint8))
    with pytest.raises(ContaError, match=says) as error:
        read(tmp_path)
    assert str(error.value).startswith(f"{tmp_path}/a_1.png: image a_1: ")


def test_missing_images_are_told_at_once(tmp_path: Path) -> None:
    np.save(tmp_path / "a_1.npy", changed(), allow_pickle=True)
    others = [ImageRecord(f"b_{i}", "b.jpg", *SIZE, ("cat",)) for i in range(7)]
    with pytest.raises(ContaError, match="lacks the CAMs of 7 of 8 images, among them ") as error:
        open_source(tmp_path, CLASSES).require([RECORD, *others])
    assert "expected <image id> with .npy, .npz, .pt or .png for each" in str(error.value)
    assert "cam.source" in str(error.value)
    with pytest.raises(ContaError, match="lacks the CAMs of 1 of 1"):
        read(tmp_path, others[0])


def test_two_files_of_an_image(tmp_path: Path) -> None:
    for name in ("a_1.npy", "a_1.pt"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ContaError, match=r"a_1\.npy and a_1\.pt are both of image a_1"):
        read(tmp_path)


def test_no_such_folder_or_store(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match=r"cam\.source: .*/no: no folder that can be read"):
        open_source(tmp_path / "no", CLASSES)
    with pytest.raises(ContaError, match=r"no\.h5: cannot be opened as a cams store"):
        open_source(tmp_path / "no.h5", CLASSES)


def test_a_file_far_too_large_for_its_image(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a_1.npz", keys=KEYS, cam=np.zeros((2, 4000, 4000)))
    with pytest.raises(ContaError, match=r"'cam\.npy' declares 256,000,128 bytes"):
        read(tmp_path)
