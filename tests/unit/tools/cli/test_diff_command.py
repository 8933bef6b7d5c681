from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from small_stores import CLASSES, IDS, KEYS, SIZE, write_small
from summands import split_by_class
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.images.masks import voc_palette, write_label_png
from conta_core.storage.stores.kinds import IMAGE_ARRAYS
from conta_core.tools.cli.app import app

MASK = np.zeros(SIZE, np.uint8)


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def shown(*arguments: object) -> str:
    result = diff(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def as_json(*arguments: object) -> dict[str, Any]:
    return json.loads(shown(*arguments, "--json"))


def refused(*arguments: object) -> str:
    result = diff(*arguments)
    assert isinstance(result.exception, ContaError), (result.output, result.exception)
    return str(result.exception)


@pytest.mark.parametrize("kind", IMAGE_ARRAYS)
def test_equal_stores(tmp_path: Path, kind: str) -> None:
    """The round that a store names is told, and is no difference."""
    a = write_small(tmp_path / "a.h5", kind)
    b = write_small(tmp_path / "b.h5", kind, round_index=1)
    assert shown(a, b, "--exit-code").splitlines()[0].endswith(": equal")
    assert "  round: A 0, B 1" in shown(a, b).splitlines()
    found = as_json(a, b)
    assert (found["equal"], found["differ"], found["compared"]) == (True, 0, 3)


@pytest.mark.parametrize(
    "kind", [kind for kind in IMAGE_ARRAYS if kind not in ("labels", "train_masks")]
)
def test_other_values(tmp_path: Path, kind: str) -> None:
    a = write_small(tmp_path / "a.h5", kind)
    b = write_small(tmp_path / "b.h5", kind, value=0.25)
    found = as_json(a, b)
    assert not found["equal"]
    values = {row["id"]: row for row in found["most_changed"]}
    if kind == "cams":
        assert values[IDS[0]]["CAM difference"] == 0.25
        assert values[IDS[0]]["P(class) difference"] == 0
        assert found["differ"] == 2  # one image has no tags
        assert found["mean"]["value"] == pytest.approx(0.5 / 3)
        assert {"class": "boat", "a": 0.5, "b": 0.25, "change": -0.25} in found["classes"]
        assert {"class": "dog", "a": None, "b": None, "change": None} in found["classes"]
    if kind == "refined":  # of one value each: the same over their maximum
        assert values[IDS[0]]["refined CAM difference"] == 0
    if kind == "context":
        assert values[IDS[0]]["attention moved, %"] == 25
        assert values[IDS[0]]["M difference, % of its mean"] == pytest.approx(100 * 0.25 / 0.375)
        assert found["other_arrays"] == ["mean"]
    if kind == "logits":
        assert values[IDS[0]]["pixels changed, %"] == 0
        assert values[IDS[0]]["logit difference"] == pytest.approx(2.5 / 4)
    if kind == "confounders":
        assert values["ring"]["average mask difference"] == 0.25
        assert "boat" not in values


@pytest.mark.parametrize(("kind", "array"), [("labels", "labels"), ("train_masks", "mask")])
def test_masks_that_changed(tmp_path: Path, kind: str, array: str) -> None:
    a = write_small(tmp_path / "a.h5", kind, changed={i: {array: MASK} for i in IDS})
    changed = MASK.copy()
    changed[:2] = 1
    little = MASK.copy()
    little[0, :6] = 3
    images = {IDS[0]: little, IDS[1]: changed, IDS[2]: MASK}
    b = write_small(tmp_path / "b.h5", kind, changed={i: {array: m} for i, m in images.items()})
    found = as_json(a, b)
    assert [(row["id"], row["pixels changed, %"]) for row in found["most_changed"]] == [
        (IDS[1], 25.0), (IDS[0], 6.25),
    ]  # fmt: skip
    assert (found["differ"], found["compared"]) == (2, 3)
    assert found["mean"]["value"] == pytest.approx(31.25 / 3)
    changes = {row["class"]: row["change"] for row in found["classes"]}
    assert changes["background"] == pytest.approx(-31.25 / 3)
    assert changes["boat"] == pytest.approx(25 / 3)
    assert found["classes"][0]["class"] == "background"
    lines = shown(a, b, "--top", 1).splitlines()
    assert "2 of 3 images differ; pixels changed, %: 10.42 on average" in lines
    assert "most changed of 2:" in lines
    assert any(line.split() == [IDS[1], "25.0"] for line in lines)
    assert not any(line.startswith(IDS[0]) for line in lines)


def test_other_images_sizes_and_tags(tmp_path: Path) -> None:
    a = write_small(tmp_path / "a.h5", "cams", ids=IDS[:2])
    keys = {"keys": np.array([1])}
    b = write_small(tmp_path / "b.h5", "cams", ids=IDS[::2], changed={IDS[0]: keys})
    found = as_json(a, b)
    assert (found["only_a"], found["only_b"]) == ([IDS[1]], [IDS[2]])
    assert found["most_changed"][0]["note"] == "other tags"
    assert found["most_changed"][0]["CAM difference"] == 0.5  # each against a map of 0
    smaller = {i: {"high_res": np.full((len(KEYS[i]), 8, 11), 0.5, np.float16)} for i in IDS}
    c = write_small(tmp_path / "c.h5", "cams", ids=IDS[:2], size=(8, 11), changed=smaller)
    found = as_json(a, c)
    assert found["most_changed"][0]["note"] == "other sizes: 8 x 12 and 8 x 11"
    assert found["most_changed"][0]["CAM difference"] is None
    assert found["mean"]["value"] is None
    assert "only in A: 2007_000032" in shown(a, b)


def test_exit_codes(tmp_path: Path) -> None:
    a = write_small(tmp_path / "a.h5", "cams")
    b = write_small(tmp_path / "b.h5", "cams", value=0.25)
    assert diff(a, b).exit_code == 0
    assert diff(a, b, "--exit-code").exit_code == 3
    assert diff(a, a, "--exit-code").exit_code == 0
    assert diff(a, tmp_path / "none.h5", "--exit-code").exit_code == 1
    assert diff(a).exit_code == 2
    assert diff(a, b, "--data", "dataset.json").exit_code == 2
    assert "3 where they differ" in " ".join(diff("--help").stdout.split())


def test_what_cannot_be_compared(tmp_path: Path, run: dict[str, Any]) -> None:
    cams = write_small(tmp_path / "cams.h5", "cams")
    assert "a labels store, expected a cams store" in refused(
        cams, write_small(tmp_path / "labels.h5", "labels")
    )
    other = write_small(tmp_path / "other.h5", "cams", classes=CLASSES[::-1])
    assert "made for the classes ['ring', 'dog', 'boat'], expected" in refused(cams, other)
    assert "a manifest, expected a store" in refused(cams, run["manifest"])
    assert "a manifest, which cannot be compared" in refused(run["manifest"], run["manifest"])
    assert "no such file; did you mean" in refused(cams, tmp_path / "cam.h5")
    content = cams.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[:-100])
    assert "cut off" in refused(cams, tmp_path / "cut.h5")
    small = write_small(tmp_path / "c.h5", "confounders")
    assert "have no images to draw" in refused(small, small, "-o", tmp_path / "c.png")


def test_arrays_that_do_not_fit_together(tmp_path: Path) -> None:
    a = write_small(tmp_path / "a.h5", "cams")
    b = write_small(tmp_path / "b.h5", "cams", changed={IDS[0]: {"keys": np.array([99])}})
    assert f"{b}: the arrays of {IDS[0]} do not fit an image of (8, 12)" in refused(a, b)


def test_scores(run: dict[str, Any]) -> None:
    a, b = (run["rounds"][index]["scores"]["cam"] for index in range(2))
    assert shown(a, a).splitlines() == ["scores: equal"]
    found = as_json(a, b)
    assert [row["split"] for row in found["scores"]] == ["train", "val"]
    assert {"name": "round", "a": 0, "b": 1} in found["about"]
    row = found["scores"][0]
    assert row["miou_b"] > row["miou_a"]
    assert [c["class"] for c in row["classes"]] == ["background", "cat", "<dog>"]
    assert row["classes"][0]["change"] == pytest.approx(row["miou_b"] - row["miou_a"], abs=1e-3)
    lines = shown(a, b).splitlines()
    assert "IoU in percent, train:" in lines
    assert diff(a, b, "--exit-code").exit_code == 3
    other = run["rounds"][0]["scores"]["refined"]
    assert as_json(a, other)["only_a"] == ["val"]


def test_summaries(run: dict[str, Any], tmp_path: Path) -> None:
    from conta_core.data.manifest import Manifest
    from conta_core.evaluation.summary import summarise_scores, write_summary

    manifest = Manifest.load(run["manifest"])
    rounds = [paths["scores"] for paths in run["rounds"]]
    summary = summarise_scores(manifest, rounds, "r")
    a, b = tmp_path / "a" / "summary.json", tmp_path / "b" / "summary.json"
    write_summary(a, summary)
    summary["run"] = "other"
    changed = summary["scores"][0]
    changed["miou"], changed["iou"]["cat"] = 99.0, 100.0
    write_summary(b, summary)
    assert "  run: A r, B other" in shown(a, b).splitlines()
    found = as_json(a, b)
    assert found["scores"][0]["miou_b"] == 99
    lines = shown(a, b).splitlines()
    (row,) = (line for line in lines if line.startswith("0 "))
    assert row.split()[1:3] == ["cam", "train"]
    assert "cat +" in row
    assert "with the same IoU of every class: 13 more" in lines
    summary["scores"] = summary["scores"][1:]
    write_summary(b, summary)
    assert as_json(a, b)["only_a"] == ["round 0 cam train"]


def test_context_by_class_is_compared_as_its_sum(tmp_path: Path) -> None:
    a, b = (write_small(tmp_path / name, "context") for name in ("a.h5", "b.h5"))
    split_by_class(b)
    found = as_json(a, b)
    assert not found["equal"]
    for row in found["most_changed"]:
        assert row["M difference, % of its mean"] == row["attention moved, %"] == 0


def lay_out(run: dict[str, Any], root: Path) -> Path:
    """The files of a scored run where the workflow has them."""
    folders = {"cams": "cam", "refined": "irn", "train_masks": "segmentation", "context": "context"}
    root.mkdir()
    shutil.copy(run["manifest"], root / "dataset.json")
    for index, paths in enumerate(run["rounds"]):
        folder = root / f"round-{index}"
        for kind, name in folders.items():
            if paths[kind]:
                (folder / name).mkdir(parents=True, exist_ok=True)
                shutil.copy(paths[kind], folder / name)
        shutil.copytree(paths["pseudo_masks"], folder / "pseudo_masks")
        (folder / "scores").mkdir()
        for path in (*paths["scores"].values(), paths["reliance"]):
            shutil.copy(path, folder / "scores")
    return root


def test_rounds_and_runs(run: dict[str, Any], tmp_path: Path) -> None:
    a, b = lay_out(run, tmp_path / "a"), lay_out(run, tmp_path / "b")
    assert shown(a, b).splitlines() == ["runs: equal"]
    write_label_png(b / "round-1" / "pseudo_masks" / "i0.png", np.full((20, 24), 1))
    (b / "round-1" / "irn" / "refined.h5").unlink()
    found = as_json(a, b)
    assert [name for name, one in found["files"].items() if not one["equal"]] == [
        "round-1/pseudo_masks"
    ]
    assert found["files"]["round-1/pseudo_masks"]["most_changed"][0]["id"] == "i0"
    assert found["only_a"] == ["round-1/irn/refined.h5"]
    lines = shown(a, b).splitlines()
    assert "  only in A: round-1/irn/refined.h5" in lines
    assert any(
        line.split(None, 1)
        == ["round-1/pseudo_masks", "1 of 3 images differ; pixels changed, %: 33.33 on average"]
        for line in lines
    )
    shutil.rmtree(b / "round-1")
    assert as_json(a, b)["only_a"] == ["round-1"]

    text = shown(a / "round-0", a / "round-1")
    assert "rounds: they differ" in text
    assert "only in A: context/context.h5" in text
    assert "train mIoU" in text
    found = as_json(a / "round-0", a / "round-1", "--scores")
    assert set(found["files"]) == {
        f"scores/{name}.json" for name in (*run["rounds"][0]["scores"], "reliance")
    }
    assert found["files"]["scores/reliance.json"] == {"equal": False}
    assert "have no images to draw" in refused(a, b, "-o", tmp_path / "c.png")


def test_folders_of_masks_and_their_picture(run: dict[str, Any], tmp_path: Path) -> None:
    a, b = lay_out(run, tmp_path / "a"), lay_out(run, tmp_path / "b")
    for root in (a, b):
        for path in (root / "round-0" / "pseudo_masks").iterdir():
            write_label_png(path, np.zeros((20, 24)))
    write_label_png(b / "round-0" / "pseudo_masks" / "i2.png", np.full((20, 24), 2))
    one, two = (root / "round-0" / "pseudo_masks" for root in (a, b))
    picture = tmp_path / "out.png"
    options = ["-o", picture, "--data", a / "dataset.json"]
    assert f"picture: {picture}" in shown(one, two, *options).splitlines()
    with Image.open(picture) as image:
        pixels = np.array(image.convert("RGB"))
    colours = {tuple(c) for c in pixels.reshape(-1, 3).tolist()}
    assert tuple(voc_palette()[2].tolist()) in colours
    # one row of four panels of 200 pixels
    assert 800 < pixels.shape[1] < 900
    assert 200 < pixels.shape[0] < 450
    found = as_json(one, two)
    changes = {row["class"]: row["change"] for row in found["classes"]}
    assert changes["<dog>"] == pytest.approx(100 / 3)
    assert "no image to draw" in refused(one, one, "-o", picture)
    assert "its ending is .xyz, expected one of .png" in refused(
        one, two, "-o", tmp_path / "out.xyz"
    )
    assert not list(tmp_path.glob(".out*"))
    (two / "i1.png").write_text("no mask")
    assert "i1.png: unreadable mask" in refused(one, two)


@pytest.mark.parametrize("kind", sorted(IMAGE_ARRAYS.keys() - {"confounders", "objects"}))
def test_pictures_of_stores(tmp_path: Path, kind: str) -> None:
    array = {"labels": "labels", "train_masks": "mask"}.get(kind)
    changed = {IDS[0]: {array: np.full(SIZE, 2, np.uint8)}} if array else None
    a = write_small(tmp_path / "a.h5", kind)
    b = write_small(tmp_path / "b.h5", kind, value=0.25, changed=changed)
    picture = tmp_path / "out.png"
    shown(a, b, "-o", picture, "--top", 1)
    with Image.open(picture) as image:
        assert image.width > 600
        assert len(image.convert("RGB").getcolors(100_000)) > 3
