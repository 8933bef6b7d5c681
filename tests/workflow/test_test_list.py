"""A list without tags and masks, as VOC's test list is: predicted, exported, and not scored.

Each job is a start of Python, as a user's are; other runs of the tests fork a warm one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tiny_runs import Workflow, reduced
from typer.testing import CliRunner

from conta_core.tools.cli.app import app

pytestmark = pytest.mark.slow

ROUND = "results/voc/round-0"


def test_predictions_of_the_test_list(
    fresh: Callable[..., Workflow], make_voc: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_voc(
        train={f"2007_00000{k}": ["dog" if k % 2 else "cat"] for k in range(6)},
        val={"2008_000006": [], "2008_000011": []},
        size=(48, 64),
    )
    (root / "ImageSets/Segmentation/val.txt").rename(root / "ImageSets/Segmentation/test.txt")
    for image_id in ("2008_000006", "2008_000011"):
        (root / "Annotations" / f"{image_id}.xml").unlink()
        (root / "SegmentationClass" / f"{image_id}.png").unlink()
    config = reduced({"voc": {}})
    config["rounds"] = 1
    config["dataset"] = {
        "name": "voc",
        "format": "voc",
        "root": str(root),
        "lists": {"val": "test"},
        "classes": ["cat", "dog"],
    }
    workflow = replace(fresh(config), python=sys.executable)
    workflow.run()  # the whole loop, with its scores and its report
    scores = workflow.directory / ROUND / "scores"
    for name in ("cam", "segmentation", "segmentation_crf"):
        entry = json.loads((scores / f"{name}.json").read_text())["lists"]["val"]
        assert (entry["list"], entry["images"], entry["miou"]) == ("test", 0, None)
        assert entry["why"] == "the list 'test' has no ground-truth masks"
    logits = workflow.directory / ROUND / "segmentation" / "logits.h5"
    result = CliRunner().invoke(app, ["export-test", str(logits), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out/results/VOC2012/Segmentation/comp6_test_cls"
    for image_id in ("2008_000006", "2008_000011"):
        with Image.open(folder / f"{image_id}.png") as image:
            assert (image.mode, image.size) == ("P", (64, 48))
            assert {value for _, value in image.getcolors()} <= {0, 8, 12}
