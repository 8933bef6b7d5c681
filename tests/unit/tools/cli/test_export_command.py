from __future__ import annotations

import json
from pathlib import Path

import pytest
from exported_run import SIZES, write_exported_run
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.tools.cli.app import app


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_exported_run(tmp_path / "results" / "mine")


def test_the_last_finished_round_by_default(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["export", str(run), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert f"round 1 of {run}" in result.stdout
    assert "3 pseudo-masks in the VOC palette" in result.stdout
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    expected = {f"pseudo_masks/{i}.png" for i in SIZES}
    assert files == expected | {"classes.json", "model.safetensors"}
    result = CliRunner().invoke(app, ["export", str(run), "-o", str(out)])
    assert isinstance(result.exception, ContaError)
    assert "is there already; delete it" in str(result.exception)


def test_formats_and_json(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["export", str(run), "--round", "0", "-f", "coco", "-f", "onnx", "-o", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "run": str(run),
        "round": 0,
        "classes": f"{out}/classes.json",
        "coco": f"{out}/pseudo_masks.json",
        "onnx": f"{out}/model.onnx",
    }
    files = {p.name for p in out.iterdir()}
    assert files == {"classes.json", "pseudo_masks.json", "model.onnx"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["results/mind"], r"did you mean 'results/mine'\?"),
        (["results"], "not a run, it has no dataset.json"),
        (["results/mine", "--round", "2"], "round 2 is not finished; finished: 0, 1"),
        (["results/mine", "--round", "7"], "round 7 is not there; finished: 0, 1"),
        (["results/mine", "-f", "coco", "--coco-ids", "x.json"], "x.json: no COCO annotations"),
        (["results/mine", "-o", "results/mine/round-1"], "lies in the run itself"),
    ],
)
def test_bad_input(
    run: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str
) -> None:
    monkeypatch.chdir(run.parents[1])
    result = CliRunner().invoke(app, ["export", "-o", "out", *arguments])
    assert isinstance(result.exception, ContaError)
    with pytest.raises(ContaError, match=text):
        raise result.exception
    assert not Path("out").exists()


def test_a_run_without_a_finished_round(run: Path, tmp_path: Path) -> None:
    for path in run.glob("round-*/segmentation/model.safetensors"):
        path.unlink()
    result = CliRunner().invoke(app, ["export", str(run), "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, ContaError)
    assert "no round has both" in str(result.exception)


def test_bad_usage(run: Path) -> None:
    arguments = ["export", str(run), "-o", "out", "--coco-ids", "x.json"]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert CliRunner().invoke(app, ["export", str(run), "-o", "x", "-f", "gif"]).exit_code == 2
