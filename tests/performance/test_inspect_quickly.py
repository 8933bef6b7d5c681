"""`conta inspect` answers on the stores of a large data set nearly as soon as on a small one.

The figures of a run are in pytest's output with ``-rP``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from conta_core.storage.stores.writer import write_store

pytestmark = pytest.mark.slow

#: the training list of VOC 2012 with SBD's
VOC_AUG = 10_582
MANY = 50_000
FEW = 10
TURNS = 5


def write_refined(path: Path, images: int) -> Path:
    options = {"classes": ("cat", "dog"), "run": "r", "round_index": 0, "settings": {}}
    with write_store(path, "refined", **options) as store:
        for i in range(images):
            refined = np.full((1, 4, 5), i, np.float32)
            arrays = {"keys": np.array([i % 2]), "refined": refined}
            store.write(f"{2007 + i % 5}_{i:06d}", arrays, (16, 20))
    return path


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_refined(tmp_path_factory.mktemp("big") / "refined.h5", MANY)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_refined(tmp_path_factory.mktemp("small") / "refined.h5", FEW)


#: runs the command and, at its end, tells the process's peak of memory on stderr; the peak that
#: wait4 gives is no less than that of the process that started it
CODE = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(open("/proc/self/status").read()))
from conta_core.tools.cli.app import main
main()
"""


def inspect(*arguments: str) -> tuple[str, float, int]:
    """What is printed; seconds of computing, which others on the machine do not lengthen; KiB."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "inspect", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    text = process.stdout.read()
    found = re.search(r"VmHWM:\s+(\d+) kB", process.stderr.read())
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    assert found is not None
    wall, computing = time.monotonic() - begin, used.ru_utime + used.ru_stime
    peak = int(found[1])
    print(f"{arguments[1:]}: {computing:.2f} s, {wall:.2f} s on the clock, {peak} KiB")
    return text, computing, peak


def test_a_store_of_vocs_training_list(tmp_path: Path, small: Path) -> None:
    path = write_refined(tmp_path / "refined.h5", VOC_AUG)
    turns = [(inspect(str(path)), inspect(str(small))) for _ in range(TURNS)]
    assert all("images             10,582" in text.splitlines() for (text, _, _), _ in turns)
    # as long was seen: it looks at no image
    assert min(big[1] for big, _ in turns) < 2 * min(few[1] for _, few in turns)
    assert max(big[2] for big, _ in turns) < 300 * 1024


@pytest.mark.parametrize("options", [["--list"], ["--class", "dog"], ["--match", "2008_*"]])
def test_a_list_begins_at_once(big: Path, small: Path, options: list[str]) -> None:
    words = [*options, "--page", "1"]
    turns = [(inspect(str(big), *words), inspect(str(small), *words)) for _ in range(TURNS)]
    assert all(len(text.splitlines()) == 20 for (text, _, _), _ in turns)
    assert min(many[1] for many, _ in turns) < 2 * min(few[1] for _, few in turns)
