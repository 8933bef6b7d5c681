from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.images.masks import read_label_png
from conta_core.refinement.crf import refine_labels
from conta_core.refinement.pseudo_masks import label_argmax, strongest_class, upsample_refined
from conta_core.settings import LabelCrfSettings, PseudoMaskSettings
from conta_core.stages.make_pseudo_masks import make_pseudo_masks
from conta_core.storage.stores.writer import write_store


def naive_upsampling(one: np.ndarray) -> np.ndarray:
    """Four-fold bilinear upsampling, centres at one half, borders repeated."""
    height, width = one.shape
    result = np.zeros((4 * height, 4 * width))
    for y, x in np.ndindex(result.shape):
        fy = min(max((y + 0.5) / 4 - 0.5, 0), height - 1)
        fx = min(max((x + 0.5) / 4 - 0.5, 0), width - 1)
        y0, x0 = int(fy), int(fx)
        y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
        ty, tx = fy - y0, fx - x0
        result[y, x] = (1 - ty) * ((1 - tx) * one[y0, x0] + tx * one[y0, x1]) + ty * (
            (1 - tx) * one[y1, x0] + tx * one[y1, x1]
        )
    return result


def test_upsampling_is_half_pixel_bilinear_cut_and_divided_by_the_maximum() -> None:
    refined = np.random.default_rng(0).random((2, 4, 5)).astype(np.float32)
    full = upsample_refined(refined, (14, 17))
    expected = np.stack([naive_upsampling(one) for one in refined])[:, :14, :17]
    assert full.dtype == np.float32
    np.testing.assert_allclose(full, expected / expected.max(), atol=1e-6)


def test_upsampling_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    refined = np.random.default_rng(0).random((3, 7, 6)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(refined)[None], scale_factor=4, mode="bilinear", align_corners=False
    )[0].numpy()[:, :25, :24]
    full = upsample_refined(refined, (25, 24))
    np.testing.assert_allclose(full, expected / expected.max(), atol=1e-6)


@pytest.mark.parametrize("count", [0, 2])
def test_upsampling_nothing(count: int) -> None:
    full = upsample_refined(np.zeros((count, 3, 3)), (10, 12))
    np.testing.assert_array_equal(full, np.zeros((count, 10, 12)))


def test_a_grid_that_does_not_cover_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="does not cover"):
        upsample_refined(np.zeros((1, 3, 3)), (13, 12))


def test_argmax_with_the_threshold_in_front() -> None:
    maps = np.array([[[0.25, 0.2, 0.5, 0.6]], [[0.1, 0.26, 0.5, 0.7]]], dtype=np.float32)
    labels = label_argmax(maps, np.array([4, 6]), 0.25)
    assert labels.dtype == np.uint8
    # background wins a tie with the threshold, the first class one with another class
    np.testing.assert_array_equal(labels, [[0, 7, 5, 7]])


def test_argmax_of_no_maps_is_background() -> None:
    labels = label_argmax(np.zeros((0, 3, 2)), np.zeros(0, np.int64), 0.1)
    np.testing.assert_array_equal(labels, np.zeros((3, 2)))


def test_maps_and_keys_must_fit() -> None:
    with pytest.raises(ValueError, match="2 maps but 1"):
        strongest_class(np.zeros((2, 3, 3)), np.array([0]))


@pytest.mark.parametrize(("crf", "workers"), [(False, 1), (True, 2)])
def test_stage_writes_one_mask_an_image(tmp_path: Path, crf: bool, workers: int) -> None:
    rng = np.random.default_rng(0)
    records, maps = {}, {}
    for name, tags in (("one", ("a", "c")), ("none", ())):
        path = tmp_path / f"{name}.png"
        Image.fromarray(rng.integers(0, 256, (18, 21, 3), dtype=np.uint8)).save(path)
        records[name] = ImageRecord(name, str(path), 18, 21, tags)
        maps[name] = rng.random((len(tags), 5, 6)).astype(np.float32)
    lists = {"train": ("one", "none"), "val": ()}
    manifest = Manifest("set", ("a", "b", "c"), lists, {"train": "t", "val": "v"}, records)
    manifest.save(tmp_path / "dataset.json")
    about = {"classes": manifest.classes, "run": "r", "round_index": 0, "settings": {}}
    with write_store(tmp_path / "refined.h5", "refined", **about) as store:
        for name in lists["train"]:
            arrays = {"keys": manifest.tag_indices(name), "refined": maps[name]}
            store.write(name, arrays, (18, 21))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "stale.png").touch()
    make_pseudo_masks(
        manifest=str(tmp_path / "dataset.json"),
        refined=str(tmp_path / "refined.h5"),
        first_refined=None,
        output=str(tmp_path / "masks"),
        settings=PseudoMaskSettings(crf=crf, background_threshold=0.5),
        area_filter=None,
        workers=workers,
    )
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["none.png", "one.png"]
    assert not read_label_png(tmp_path / "masks" / "none.png").any()
    own = label_argmax(upsample_refined(maps["one"], (18, 21)), np.array([0, 1]), 0.5)
    if crf:
        image = np.asarray(Image.open(records["one"].image))
        (own,) = refine_labels(image, [own], 3, LabelCrfSettings())
    expected = np.array([0, 1, 3])[own]
    np.testing.assert_array_equal(read_label_png(tmp_path / "masks" / "one.png"), expected)
