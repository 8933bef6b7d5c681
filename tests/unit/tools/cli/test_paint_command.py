from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.tools.cli.app import app


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("train_aug", "val"):
        ids = [f"{name}{k}" for k in range(3)]
        (tmp_path / f"{name}.txt").write_text("\n".join(ids))
        for image_id in ids:
            labels = np.zeros((48, 64), np.uint8)
            labels[10:30, 10:40] = 8
            write_label_png(folder / f"{image_id}.png", labels)
    return folder


def test_paints_the_lists_beside_the_masks(masks: Path, tmp_path: Path) -> None:
    out = tmp_path / "data" / "painted"
    options = ["--train", "2", "--val", "1", "--long-side", "64"]
    result = CliRunner().invoke(app, ["paint", str(masks), str(out), *options])
    assert result.exit_code == 0, result.output
    assert "2 training and 1 validation images" in result.output
    assert len(list((out / "JPEGImages").iterdir())) == 3
    assert [p.name for p in out.parent.iterdir()] == ["painted"]


def test_problems_are_told(masks: Path, tmp_path: Path) -> None:
    (masks.parent / "val.txt").unlink()
    result = CliRunner().invoke(app, ["paint", str(masks), str(tmp_path / "out")])
    assert isinstance(result.exception, ContaError)
    assert "val.txt: no such list" in str(result.exception)
    result = CliRunner().invoke(
        app, ["paint", str(masks), str(tmp_path / "out"), "--confounding", "2"]
    )
    assert result.exit_code == 2
