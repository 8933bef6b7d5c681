from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from models import CLASSES, noise, write_cam_like
from PIL import Image

from conta_core import load_model
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.images.photographs import read_image
from conta_core.networks.segmentation import predict
from conta_core.networks.segmentation_output import predicted_labels, softmax, upsample_logits
from conta_core.refinement.crf import refine_probabilities
from conta_core.runtime.threads import map_in_threads
from conta_core.settings import CrfSettings
from conta_core.tools.predict.labelling import strongest_labels
from conta_core.tools.predict.overlay import draw_overlay
from conta_core.tools.predict.photographs import Photograph, find_photographs
from conta_core.tools.predict.predict import plan_batches, predict_folder
from conta_core.tools.predict.results import Outcome, ResultFolder
from conta_core.tools.predict.segmenter import Segmenter


def run(
    model: Path, folder: Path, output: Path, *, batch_size: int = 1, workers: int = 2,
    long_side: int = 0, crf: CrfSettings | None = None,
) -> list[Outcome]:  # fmt: skip
    segmenter = Segmenter(model, long_side)
    results = ResultFolder(output, segmenter.class_names, crf=crf)
    found = find_photographs([str(folder)], output)
    return predict_folder(segmenter, found, results, batch_size=batch_size, workers=workers)


def one_at_a_time(model: Path, folder: Path) -> dict[str, np.ndarray]:
    """What the workflow makes of the images."""
    torch.set_num_threads(1)
    network = load_model(model)
    images = {path.stem: read_image(path) for path in sorted(folder.iterdir())}
    return {n: predicted_labels(predict(network, i), i.shape[:2]) for n, i in images.items()}


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (1, 3), (2, 2), (4, 1)])
def test_exactly_what_one_at_a_time_gives(
    model: Path, photographs: Path, tmp_path: Path, batch_size: int, workers: int
) -> None:
    outcomes = run(model, photographs, tmp_path, batch_size=batch_size, workers=workers)
    expected = one_at_a_time(model, photographs)
    assert [o.photograph.name for o in outcomes] == list(expected)
    assert len(np.unique(np.concatenate([e.ravel() for e in expected.values()]))) > 2
    for outcome in outcomes:
        name = outcome.photograph.name
        found = read_label_png(tmp_path / "masks" / f"{name}.png")
        np.testing.assert_array_equal(found, expected[name])
        assert outcome.pixels == tuple(np.bincount(found.ravel(), minlength=4).tolist())
        assert outcome.size == found.shape
    with open(tmp_path / "areas.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6 * 4
    assert [r["class"] for r in rows[:4]] == ["background", *CLASSES]
    assert float(rows[5]["share"]) == pytest.approx(int(rows[5]["pixels"]) / (64 * 48), abs=1e-6)


def test_batches_are_of_one_size(model: Path, photographs: Path) -> None:
    found = find_photographs([str(photographs)], "none")
    batches = list(plan_batches(found, Segmenter(model), 2))
    assert [[p.name for p in b] for b in batches] == [["0", "2"], ["4"], ["1", "5"], ["3"]]


def test_large_photographs_are_scaled_down_and_their_masks_are_not(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(noise((90, 120), 0)).save(folder / "i.png")
    (outcome,) = run(model, folder, tmp_path / "out", long_side=64)
    assert outcome.size == (90, 120)
    assert Segmenter(model, 64).input_size((90, 120)) == (48, 64)
    assert Segmenter(model, 64).logits([noise((90, 120), 0)]).shape == (1, 4, 6, 8)


def test_after_the_crf(model: Path, photographs: Path, tmp_path: Path) -> None:
    settings = CrfSettings(iterations=2)
    run(model, photographs, tmp_path, crf=settings)
    torch.set_num_threads(1)
    network, image = load_model(model), read_image(photographs / "3.png")
    full = softmax(upsample_logits(predict(network, image), image.shape[:2]))
    expected = refine_probabilities(image, full, settings).argmax(axis=0)
    np.testing.assert_array_equal(read_label_png(tmp_path / "masks/3.png"), expected)


def test_odd_images_and_broken_ones(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = noise((40, 56), 0)
    Image.fromarray(pixels[..., 0]).save(folder / "grey.png")
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(folder / "rgba.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(folder / "sixteen.png")
    Image.fromarray(pixels).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(pixels[:1]).save(folder / "thin.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    for batch_size, crf in ((1, None), (8, None), (1, CrfSettings(iterations=1))):
        output = tmp_path / f"out-{batch_size}-{crf is None}"
        outcomes = {
            o.photograph.name: o.error
            for o in run(model, folder, output, batch_size=batch_size, crf=crf)
        }
        assert "broken.jpg: unreadable image" in str(outcomes.pop("broken"))
        assert "thin.png: 56 x 1 pixels for the network" in str(outcomes.pop("thin"))
        assert outcomes == {"cmyk": None, "grey": None, "rgba": None, "sixteen": None}
        assert len(list((output / "masks").iterdir())) == 4
        assert len((output / "areas.csv").read_text().splitlines()) == 1 + 4 * 4


def test_a_place_that_cannot_be_written(model: Path, photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").write_text("a file")
    with pytest.raises(ContaError, match=r"masks/0\.png: cannot be written"):
        run(model, photographs, tmp_path)


def test_a_name_that_is_no_text(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    name = b"caf\xe9.png"  # Latin-1
    Image.fromarray(noise((40, 56), 0)).save(folder / "i.png")
    os.rename(folder / "i.png", os.path.join(os.fsencode(folder), name))
    (outcome,) = run(model, folder, tmp_path / "out")
    assert outcome.error is None
    assert b"/" + name + b",background," in (tmp_path / "out" / "areas.csv").read_bytes()
    assert os.listdir(os.fsencode(tmp_path / "out" / "masks")) == [name]


def test_broken_off(model: Path, photographs: Path, tmp_path: Path) -> None:
    """areas.csv tells what was done."""
    segmenter = Segmenter(model)

    def stop(outcome: Outcome) -> None:
        if outcome.photograph.name == "1":
            raise KeyboardInterrupt

    found = find_photographs([str(photographs)], tmp_path)
    results = ResultFolder(tmp_path, segmenter.class_names)
    with pytest.raises(KeyboardInterrupt):
        predict_folder(segmenter, found, results, batch_size=1, workers=1, done=stop)
    assert len((tmp_path / "areas.csv").read_text().splitlines()) == 1 + 2 * 4


def test_models_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match=r"none: no such file; expected a results/<run>"):
        Segmenter(tmp_path / "none")
    with pytest.raises(ContaError, match=r"a folder; expected"):
        Segmenter(tmp_path)
    with pytest.raises(ContaError, match=r"a model of kind 'cam', which gives CAMs and no masks"):
        Segmenter(write_cam_like(tmp_path / "cam.safetensors"))
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(ContaError, match=r"not a model file"):
        Segmenter(tmp_path / "x")


def test_labels_are_those_of_the_workflow() -> None:
    logits = np.random.default_rng(0).normal(size=(21, 9, 7)).astype(np.float32)
    logits[3] = logits[5]  # the first of equals
    for size in ((9, 7), (70, 51), (5, 4)):
        np.testing.assert_array_equal(
            strongest_labels(logits, size), predicted_labels(logits, size)
        )


def test_threads_keep_the_order_and_compute_with_one_thread_each(model: Path) -> None:
    Segmenter(model)
    assert list(map_in_threads(lambda x: x * x, range(50), 3)) == [x * x for x in range(50)]
    assert set(map_in_threads(lambda _: torch.get_num_threads(), range(4), 2)) == {1}


def test_the_overlay_has_a_legend_by_name() -> None:
    image = np.full((60, 80, 3), 200, np.uint8)
    labels = np.zeros((60, 80), np.uint8)
    labels[20:40, 30:50] = 1
    drawn = draw_overlay(image, labels, ["background", "cat"])
    picture, legend = drawn[:360], drawn[360:]
    assert drawn.shape[1] == 480
    assert (picture[10, 10] == 200).all()
    np.testing.assert_array_equal(picture[180, 240], [164, 100, 100])  # half VOC's dark red
    assert (legend == [128, 0, 0]).all(axis=2).sum() > 100
    other = draw_overlay(image, labels, ["background", "dog"])
    assert (other[:360] == picture).all()
    assert (other[360:] != legend).any()


def test_a_photograph_is_a_path_and_a_name() -> None:
    results = ResultFolder(Path("out"), ("background",))
    assert results.mask(Photograph(Path("a/b/1.jpg"), "b/1")) == Path("out/masks/b/1.png")
    assert results.overlay(Photograph(Path("a/b/1.jpg"), "b/1")) == Path("out/overlays/b/1.jpg")
