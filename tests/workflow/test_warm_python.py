"""The warm Python does what Python does, and knows nothing of the project before it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import shared_python

SCRIPT = """\
import os, sys
print([name for name in sys.modules if name.startswith("conta_core")])
print(__name__, sys.argv, os.getcwd(), os.environ["SAID"], sys.stdin.read())
import beside, far
print(beside.__file__, far.__file__)
assert len(sys.argv) == 3, "an error"
sys.exit(sys.argv[2] if sys.argv[2] == "a message" else int(sys.argv[2]))
"""


@pytest.mark.parametrize("words", [["0"], ["7"], ["a message"], []], ids=str)
@pytest.mark.parametrize("module", [False, True], ids=["file", "module"])
def test_like_python(tmp_path: Path, words: list[str], module: bool) -> None:
    for place in ("near", "far"):
        (tmp_path / place).mkdir()
    (tmp_path / "near" / "script.py").write_text(SCRIPT)
    (tmp_path / "near" / "beside.py").touch()
    (tmp_path / "far" / "far.py").touch()
    environment = {**os.environ, "SAID": "hello", "PYTHONPATH": str(tmp_path / "far")}
    program = ["-m", "script"] if module else ["script.py"]
    python, warm = (
        subprocess.run(
            [executable, *program, "first", *words],
            cwd=tmp_path / "near",
            env=environment,
            input="typed",
            capture_output=True,
            text=True,
            timeout=100,
        )
        for executable in (sys.executable, shared_python())
    )
    assert (warm.returncode, warm.stdout) == (python.returncode, python.stdout)
    # a traceback has more lines: those of the server
    assert warm.stderr.splitlines()[-1:] == python.stderr.splitlines()[-1:]
