from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from shown_run import CLASSES, OBJECT, SIZE, write_shown_run
from summands import split_by_class

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.drawing.colour_maps import greyed, heat_map, heat_over, signed_map
from conta_core.images.drawing.label_colours import colour_labels
from conta_core.tools.show.scene import View
from conta_core.tools.show.targets import show

#: 80 pixels wide are shown at 320
FACTOR = 4
COLOUR = colour_labels(np.array([[0, 1, 2, 255]], np.uint8))[0].tolist()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_shown_run(tmp_path)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def pictures(figure: Figure) -> list[np.ndarray]:
    """The pixels of each picture, and of the colour bars after them, in their order."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def scaled(place: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (slice(one.start * FACTOR, one.stop * FACTOR) for one in place)
    return rows, columns


def drawn(target: Path, image_id: str | None, view: View | None = None) -> Figure:
    return show(target, image_id, view or View()).figure


def test_cams_of_each_class_lie_on_the_object(run: Path) -> None:
    figure = drawn(run / "round-0/cam/cams.h5", "photo_b")
    image, first, second, bar = pictures(figure)
    assert image.shape == first.shape == second.shape == (240, 320, 3)
    grey = greyed(image)
    inside, outside = scaled(OBJECT), (slice(0, 36), slice(None))
    full = heat_over(grey, np.ones(grey.shape[:2]))
    nothing = heat_over(grey, np.zeros(grey.shape[:2]))
    # resizing smooths the edge by two cells of 4 pixels
    rows, columns = (slice(one.start + 4, one.stop - 4) for one in inside)
    for one in (first, second):
        np.testing.assert_array_equal(one[rows, columns], full[rows, columns])
        np.testing.assert_array_equal(one[outside], nothing[outside])
    np.testing.assert_array_equal(bar[0, [0, -1]], heat_map(np.array([[0.0, 1.0]]))[0])
    shown = texts(figure)
    assert "photo_b, 80 x 60 pixels; tags: cat, $x^2$ <b>" in shown
    assert shown.count("P(class) 0.250") == 2
    assert {"cat", "$x^2$ <b>", "image"} <= set(shown)
    assert "_hidden" not in shown  # no tag of this image


def test_refined_cams_share_one_scale(run: Path) -> None:
    figure = drawn(run / "round-0/irn/refined.h5", "photo_a", View(overlay=1))
    _, cam, _ = pictures(figure)
    np.testing.assert_array_equal(cam[120, -1], heat_map(np.ones((1, 1)))[0, 0])
    assert "highest 1.00" in texts(figure)


def test_an_image_without_tags_says_so(run: Path) -> None:
    figure = drawn(run / "round-0/cam/cams.h5", "photo_none")
    assert "tags: none" in texts(figure)[0]
    assert any("the image has no tags" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("round-0/irn/labels.h5", "IR labels"),
        ("round-1/segmentation/train_masks.h5", "X_m"),
        ("round-1/pseudo_masks", "pseudo-mask"),
        ("dataset.json", "ground truth"),
    ],
)
def test_masks_lie_on_the_object(run: Path, name: str, title: str) -> None:
    figure = drawn(run / name, "photo_b", View(overlay=0.25))
    image, mask, over, *truth = pictures(figure)
    colours = np.array(COLOUR, np.float32)
    expected = np.zeros((240, 320, 3), np.uint8)
    expected[scaled(OBJECT)] = COLOUR[1]
    expected[220:] = COLOUR[3]
    np.testing.assert_array_equal(mask, expected)
    for one in truth:
        np.testing.assert_array_equal(one, expected)
    assert len(truth) == (0 if title == "ground truth" else 1)
    for place, colour in ((scaled(OBJECT), colours[1]), ((slice(220, 240), ...), colours[3])):
        np.testing.assert_allclose(over[place], 0.75 * image[place] + 0.25 * colour, atol=1)
    np.testing.assert_array_equal(over[:36], image[:36])
    assert {title, f"{title}, over the image", "background", "cat", "ignored"} <= set(texts(figure))
    assert "cat 12.5 %, ignored 8.3 %" in texts(figure)


def test_logits_are_shown_as_their_argmax(run: Path) -> None:
    figure = drawn(run / "round-0/segmentation/logits.h5", "val_a")
    _, mask, _, _ = pictures(figure)
    assert (mask[:, 180:] == (128, 128, 0)).all()  # VOC's third class
    assert (mask[:, :140] == 0).all()
    assert "_hidden" in texts(figure)


def test_the_confounder_set_has_one_scale(run: Path) -> None:
    figure = drawn(run / "round-0/context/confounders.h5", None)
    *masks, bar = pictures(figure)
    for place, mask in enumerate(masks):
        value = np.full((1, 1), 0.2 * (place + 1) / np.float32(0.6))
        np.testing.assert_allclose(mask[60, 90], heat_map(value)[0, 0], atol=3)
    np.testing.assert_array_equal(masks[-1][60, 90], bar[0, -1])
    shown = texts(figure)
    assert {*CLASSES, "P(c) 0.333, 5 images", "P(c) 0.333, 7 images", "0.6"} <= set(shown)


def test_context_over_the_image_beside_its_alphas(run: Path) -> None:
    figure = drawn(run / "round-0/context/context.h5", "photo_a")
    _, context, over, standardised, bar, signed_bar = pictures(figure)
    assert context.shape == over.shape == standardised.shape == (240, 320, 3)
    np.testing.assert_array_equal(context[0, -1], bar[0, -1])
    np.testing.assert_array_equal(context[0, 0], bar[0, 0])
    # (0.02 - 0.01) / 0.005 is 2, and -2 on the other side
    ends = signed_map(np.array([[-1.0, 1.0]]))[0]
    np.testing.assert_array_equal(standardised[0, [0, -1]], ends)
    np.testing.assert_array_equal(signed_bar[0, [0, -1]], ends)
    assert {"-2", "2", "0.02", "0.700", "0.250", "0.050", *CLASSES} <= set(texts(figure))
    bold = {
        text.get_text()
        for text in figure.axes[0].texts
        if text.get_fontproperties().get_weight() == "bold"
    }
    assert "cat" in bold
    assert "_hidden" not in bold


def test_context_by_class_is_shown_as_its_sum(run: Path) -> None:
    path = run / "round-0/context/context.h5"
    targets = [(path, "photo_a"), (run, "photo_a")]
    before = [drawn(*target) for target in targets]
    split_by_class(path)
    for target, one in zip(targets, before, strict=True):
        after = drawn(*target)
        assert texts(after) == texts(one)
        for expected, found in zip(pictures(one), pictures(after), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_all_stages_of_a_training_image(run: Path) -> None:
    figure = drawn(run, "photo_a")
    shown = texts(figure)
    for title in ("CAM", "refined CAM", "pseudo-mask", "X_m", "round 0", "round 1"):
        assert shown.count(title) == (1 if title.startswith("round") else 2)
    assert "M for round 1" in shown
    assert any(text.startswith("not there: context/context.h5") for text in shown)
    assert any(text.startswith("largest alphas: cat 0.70") for text in shown)
    assert "prediction" not in shown
    assert any("logits are made of validation images only" in text for text in shown)
    # image, truth, truth over it; 4 + M; 4; two colour bars
    assert len(pictures(figure)) == 3 + 5 + 4 + 2


def test_all_stages_of_a_validation_image(run: Path) -> None:
    figure = drawn(run, "val_a", View(rounds=(1,)))
    shown = texts(figure)
    assert {"round 1", "CAM", "prediction"} <= set(shown)
    assert "round 0" not in shown
    assert "X_m" not in shown
    assert any("X_m are made of training images only" in text for text in shown)


def test_a_run_that_is_not_done_shows_what_there_is(run: Path) -> None:
    shutil.rmtree(run / "round-1/segmentation")
    shutil.rmtree(run / "round-1/pseudo_masks")
    shown = texts(drawn(run, "photo_a"))
    assert "not there: segmentation/train_masks.h5" in shown
    assert "not there: round-1/pseudo_masks" in shown
    assert shown.count("X_m") == 2


def test_overlay_in_a_run_lays_the_masks_over_the_photograph(run: Path) -> None:
    plain = pictures(drawn(run, "photo_a", View(rounds=(0,))))
    over = pictures(drawn(run, "photo_a", View(rounds=(0,), overlay=0.3)))
    np.testing.assert_array_equal(over[5][:36], plain[0][:36])
    assert (plain[5][:36] == 0).all()


def test_paths_are_found_from_any_folder(
    run: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = run / "round-0/cam/cams.h5"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    away = pictures(drawn(store, "photo_a"))
    monkeypatch.chdir(run / "round-0")
    for place in (Path("cam/cams.h5"), Path("../round-0/cam/cams.h5")):
        for one, other in zip(pictures(drawn(place, "photo_a")), away, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_store_outside_of_a_run(
    run: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    store = other / "cams.h5"
    shutil.copy(run / "round-0/cam/cams.h5", store)
    with pytest.raises(ContaError, match=r"lies in no run.*--dataset.*--no-photo"):
        show(store, "photo_a", View())
    alone = pictures(drawn(store, "photo_a", View(photo=False)))
    assert len(alone) == 2  # the map and its bar
    np.testing.assert_array_equal(alone[0][0, 0], heat_map(np.zeros((1, 1)))[0, 0])
    assert len(pictures(drawn(store, "photo_a", View(dataset=run / "dataset.json")))) == 3
    # a dataset.json that was copied: its paths start at the working directory
    copy = other / "dataset.json"
    shutil.copy(run / "dataset.json", copy)
    with pytest.raises(ContaError, match=r"photo_a\.jpg: no such file in .*--no-photo"):
        show(store, "photo_a", View())
    monkeypatch.chdir(run.parent.parent)
    assert len(pictures(drawn(store, "photo_a"))) == 3


def test_masks_without_a_data_set_have_no_names(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere/masks"
    shutil.copytree(run / "round-0/pseudo_masks", folder)
    shown = texts(drawn(folder, "photo_a", View(photo=False)))
    assert {"value 1", "ignored", "mask"} <= set(shown)


def test_another_data_set_is_refused(run: Path, tmp_path: Path) -> None:
    manifest = Manifest.load(run / "dataset.json")
    record = replace(manifest.images["photo_a"], height=61)
    other = tmp_path / "other.json"
    replace(manifest, images={**manifest.images, "photo_a": record}).save(other)
    with pytest.raises(ContaError, match=r"has height and width \(60, 80\), but .*--dataset"):
        show(run / "round-0/irn/labels.h5", "photo_a", View(dataset=other))
    replace(manifest, classes=(*CLASSES, "more")).save(other)
    with pytest.raises(ContaError, match=r"made for the classes .*--dataset"):
        show(run / "round-0/irn/labels.h5", "photo_a", View(dataset=other))


@pytest.mark.parametrize("side", [16, 200, 500])
def test_the_size_of_pictures(run: Path, side: int) -> None:
    image, *_ = pictures(drawn(run / "dataset.json", "photo_a", View(side=side)))
    assert image.shape == (round(SIZE[0] * side / SIZE[1]), side, 3)
