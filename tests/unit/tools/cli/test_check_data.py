from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.tools.cli.app import app

#: pycocotools with numpy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MakeVoc = Callable[..., Path]


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Any]:
    """Write a recipe, run ``conta check-data`` on it; the result of the command."""

    def run(*options: str, **config: Any) -> Any:
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(config))
        return CliRunner().invoke(
            app, ["check-data", str(path), "--workers", "1", *options], env={"COLUMNS": "200"}
        )

    return run


def voc(root: Path, **keys: Any) -> dict[str, Any]:
    return {"name": "voc", "format": "voc", "root": str(root), **keys}


def test_a_good_data_set(make_voc: MakeVoc, check: Callable[..., Any]) -> None:
    result = check(dataset=voc(make_voc(size=(12, 16))))
    assert result.exit_code == 0, result.output
    rows = {c[0]: c[1:] for c in ([x.strip() for x in line.strip("│").split("│")]
            for line in result.output.splitlines() if line.startswith("│"))}  # fmt: skip
    assert rows["images"] == ["2", "1"]
    assert rows["masks"] == ["2", "1"]
    assert rows["height: min, median, max"] == ["12 12 12", "12 12 12"]
    assert rows["width: min, median, max"] == ["16 16 16", "16 16 16"]
    assert rows["dog"] == ["1", "0"]
    assert rows["person"] == ["0", "1"]
    assert rows["(untagged)"] == ["0", "0"]
    assert "train (train)" in result.output
    assert "SegmentationClass of" in result.output
    assert "voc: every file is as expected" in result.output


def test_json(make_voc: MakeVoc, check: Callable[..., Any]) -> None:
    root = make_voc()
    result = check("--json", dataset=voc(root))
    assert result.exit_code == 0
    (found,) = json.loads(result.output)
    assert found["name"] == "voc"
    assert found["ground_truth"] == f"SegmentationClass of {root}"
    train = found["splits"]["train"]
    assert (train["list"], train["images"], train["masks"]) == ("train", 2, 2)
    assert train["heights"] == {"min": 12, "median": 12, "max": 12}
    assert train["tags"]["sofa"] == 1
    assert found["problems"] == {}


def test_every_problem_by_kind(make_voc: MakeVoc, check: Callable[..., Any]) -> None:
    root = make_voc(train={f"i{k:02d}": ["dog"] for k in range(30)}, val={"v": ["cat"]})
    for k in range(25):
        (root / "JPEGImages" / f"i{k:02d}.jpg").unlink()
    (root / "JPEGImages" / "i28.jpg").write_text("no image")
    (root / "Annotations" / "i27.xml").unlink()
    write_label_png(root / "SegmentationClass" / "i26.png", np.full((12, 16), 77, np.uint8))
    result = check(dataset=voc(root))
    assert result.exit_code == 1
    assert "voc: images: 26 problems" in result.output
    assert result.output.count("no such image") == 20
    assert "... and 6 more" in result.output
    assert "voc: annotations: 1 problem" in result.output
    assert "i27.xml: no such annotation" in result.output
    assert "voc: masks: 1 problem" in result.output
    assert "i26.png: holds the values [77]" in result.output
    result = check("--json", dataset=voc(root))
    assert result.exit_code == 1
    problems = json.loads(result.output)[0]["problems"]
    assert problems["images"]["count"] == 26
    assert len(problems["images"]["first"]) == 20


def test_lists_that_cannot_be_read(make_voc: MakeVoc, check: Callable[..., Any]) -> None:
    root = make_voc()
    result = check(dataset=voc(root, lists={"train": "trainaug"}))
    assert result.exit_code == 1
    assert "voc: lists and tags: 1 problem" in result.output
    assert "trainaug.txt: no such list" in result.output


def test_broken_coco_annotations(tmp_path: Path, check: Callable[..., Any]) -> None:
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 20, "width": 30}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "area": 9, "segmentation": bad}
            for n, bad in ((5, []), (6, [[1, 1, 2, 2]]))
        ],
    }
    for name in ("train", "val"):
        (root / "annotations" / f"instances_{name}.json").write_text(json.dumps(content))
        content["images"][0]["file_name"] = "b.jpg"
    result = check(dataset={"name": "c", "format": "coco", "root": str(root)})
    assert result.exit_code == 1
    assert "c: annotations: 4 problems" in result.output
    assert "annotation 5 cannot be drawn: no polygon" in result.output
    assert "c: folders: 2 problems" in result.output


def test_context_shapes_are_made_and_checked(check: Callable[..., Any], tmp_path: Path) -> None:
    dataset = {"images": {"train": 6, "val": 3}, "size": 64}
    result = check("--json", dataset=dataset)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.output)
    assert found["splits"]["val"]["images"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


def test_runs(make_voc: MakeVoc, check: Callable[..., Any]) -> None:
    root = make_voc()
    config = {
        "dataset": voc(root),
        "runs": {"a": {}, "b": {"rounds": 1}, "c": {"dataset": {"classes": ["dog", "cat"]}}},
    }
    assert len(json.loads(check("--json", **config).output)) == 2  # two data sets in three runs
    (found,) = json.loads(check("--json", "--run", "c", **config).output)
    assert list(found["splits"]["train"]["tags"]) == ["dog", "cat", "(untagged)"]
    result = check("--run", "d", **config)
    assert isinstance(result.exception, ContaError)
    assert "has no run 'd'; it has a, b, c" in str(result.exception)


def test_what_a_recipe_imports(
    make_voc: MakeVoc, check: Callable[..., Any], tmp_path: Path
) -> None:
    """Every file is read; all that is wrong is told at once."""
    root = make_voc(size=(12, 16))
    cams, masks = tmp_path / "cams", tmp_path / "masks"
    cams.mkdir()
    masks.mkdir()
    config = {
        "dataset": voc(root),
        "context": {"method": "none"},
        "runs": {
            "a": {"cam": {"method": "imported", "source": str(cams)}},
            "b": {"pseudo_masks": {"imported": str(masks)}},
            "c": {"cam": {"method": "imported", "source": "results/x/round-0/cam/cams.h5"}},
        },
    }
    first, second = (root / "ImageSets/Segmentation/train.txt").read_text().split()
    np.save(cams / f"{first}.npy", {0: np.zeros((12, 15), np.float32)}, allow_pickle=True)
    write_label_png(masks / f"{first}.png", np.zeros((12, 16), np.uint8))
    write_label_png(masks / f"{second}.png", np.full((12, 16), 99, np.uint8))
    (found,) = json.loads(check("--json", **config).output)
    problems = found["problems"]
    assert problems.keys() == {"imported CAMs", "imported pseudo-masks"}
    assert problems["imported CAMs"]["count"] == 2
    missing, wrong = problems["imported CAMs"]["first"]
    assert f"lacks the CAMs of 1 of 2 images, among them ['{second}']" in missing
    assert f"{first}.npy: image {first}: " in wrong
    assert problems["imported pseudo-masks"]["count"] == 1
    assert f"{second}.png: it has the value 99" in problems["imported pseudo-masks"]["first"][0]
    zeros = np.zeros((12, 16), np.float32)  # of dog and sofa
    np.save(cams / f"{first}.npy", {11: zeros, 17: zeros}, allow_pickle=True)
    write_label_png(cams / f"{second}.png", np.zeros((12, 16), np.uint8))
    write_label_png(masks / f"{second}.png", np.zeros((12, 16), np.uint8))
    result = check(**config)
    assert result.exit_code == 0, result.output
    config["runs"]["a"]["cam"]["source"] = str(tmp_path / "none")
    result = check(**config)
    assert result.exit_code == 1
    assert "imported CAMs: 1 problem" in result.output
    assert "none: no folder that can be read" in result.output


def test_config_that_is_none(tmp_path: Path) -> None:
    for text, says in ((None, "no readable config"), ("[", "no readable"), ("- a", "no config;")):
        path = tmp_path / "c.yaml"
        if text is not None:
            path.write_text(text)
        result = CliRunner().invoke(app, ["check-data", str(path)])
        assert isinstance(result.exception, ContaError)
        assert says in str(result.exception)


def test_real_photographs(shared_data: Callable[[str], Path], check: Callable[..., Any]) -> None:
    root = shared_data("voc12_fullsize")
    dataset = voc(root, lists={"train": "val", "val": "val"}, tags="masks")
    result = check("--json", dataset=dataset)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.output)
    assert found["splits"]["val"]["images"] == found["splits"]["val"]["masks"] == 60
    assert found["splits"]["val"]["widths"]["max"] == 500
