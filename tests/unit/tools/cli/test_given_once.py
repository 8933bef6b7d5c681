"""An option that is given twice is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from conta_core.errors import ContaError
from conta_core.tools.cli.app import app
from conta_core.tools.cli.given_once import require_given_once

COMMAND = typer.main.get_command(app)


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("predict m.safetensors a.jpg -o one -o two", "--output/-o"),
        ("predict m.safetensors a.jpg --output one -o two", "--output/-o"),
        ("predict m.safetensors a.jpg -o x --long-side 300 --long-side=400", "--long-side"),
        ("predict m.safetensors a.jpg -oone -otwo", "--output/-o"),
        ("check-data mine.yaml --workers 2 --json --workers 3", "--workers"),
        ("inspect a.h5 --class dog --match x --class cat", "--class"),
    ],
)
def test_refused(line: str, option: str) -> None:
    with pytest.raises(ContaError, match=f"{option} is given 2 times.*give it once"):
        require_given_once(COMMAND, line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "nonsense -o a -o b",
        "predict m.safetensors a.jpg -o one",
        "show results/mine a -o x.png --round 1 --round 2",
        "predict m.safetensors -o one -- -o -o",
    ],
)
def test_passed(line: str) -> None:
    require_given_once(COMMAND, line.split())


def test_as_a_command() -> None:
    words = [sys.executable, "-m", "conta_core.tools.cli.app", "check-data", "a"]
    code = "from conta_core.tools.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words[3:], "--workers", "1", "--workers", "2"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().startswith("error: --workers is given 2 times")
