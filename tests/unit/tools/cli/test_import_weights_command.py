from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.networks.registry import build_backbone
from conta_core.tools.cli.app import app

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth"


def test_says_what_was_written_and_what_was_left_out(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "new folder" / "resnet18.safetensors"
    arguments = ["import-weights", "torchvision", str(source), "-o", str(output)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "left out: fc.weight, fc.bias" in result.output
    assert f"`weights: {output}`" in result.output
    build_backbone("resnet18", str(output), 16)


def test_classes_are_separated_by_commas(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.safetensors"
    arguments = ["torchvision", str(source), "-o", str(output), "--classes", "cat, dog"]
    result = CliRunner().invoke(app, ["import-weights", *arguments])
    assert isinstance(result.exception, ContaError)
    assert not output.exists()


def test_an_error_is_one_clear_message(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.safetensors"
    code = "from conta_core.tools.cli.app import main; main()"
    command = [sys.executable, "-c", code, "import-weights", "irnet-cam", str(source)]
    done = subprocess.run(
        [*command, "-o", str(output)], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "resnet18.pth" in done.stderr
    assert not output.exists()


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, conta_core.tools.cli.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
