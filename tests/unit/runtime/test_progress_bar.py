"""Jobs in processes of their own that write to one terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conta_core.runtime import progress_bar

JOB = """
import logging, sys, time
from pathlib import Path
from conta_core.runtime import progress_bar
from conta_core.runtime.jobs import job
from conta_core.runtime.progress import track
progress_bar.INTERVAL = 0.0
name, begin, end, count, log = sys.argv[1:]
with job(log, name, {"run": "conta", "round": "1"}):
    for item in track(range(int(count)), int(count), "steps", logging.getLogger("conta_core.x")):
        time.sleep(0.02)
        if item == 2:
            Path(begin).touch()
            while not Path(end).exists():
                time.sleep(0.01)
    logging.getLogger("conta_core.x").info("is done")
"""


class Terminal:
    """A terminal of 100 columns, and jobs on it."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        self.jobs: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        self.jobs.append(
            subprocess.Popen(
                [sys.executable, "-c", JOB, *words],
                stderr=self.theirs,
                env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment},
            )
        )
        return self.jobs[-1]

    def text(self) -> str:
        """All that the jobs wrote; they must have ended."""
        os.close(self.theirs)
        written = b""
        while True:
            try:
                some = os.read(self.ours, 65536)
            except OSError:  # how Linux says that nobody has the other end
                break
            written += some
        os.close(self.ours)
        return written.decode()


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.01)


def words(tmp_path: Path, name: str, count: int) -> list[str]:
    return [name, *(str(tmp_path / f"{name}-{x}") for x in ("begun", "end")), str(count)]


def screen(text: str) -> list[str]:
    """What stands on the terminal in the end, line by line."""
    lines = []
    for line in text.split("\n"):
        last = line.rstrip("\r").split("\r")[-1]
        lines.append(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", last))
    return lines


def test_a_bar_and_then_none(tmp_path: Path) -> None:
    terminal = Terminal()
    (tmp_path / "a-end").touch()
    assert terminal.start(*words(tmp_path, "a", 60), str(tmp_path / "a.log")).wait(120) == 0
    text = terminal.text()
    assert re.search(r"conta round 1 a: steps .*━.* 59 of 60 images, \d+\.\d/s, 0\.\d s left", text)
    assert re.fullmatch(r"conta round 1 a: steps: 60 images in \d\.\d s", screen(text)[0])
    assert screen(text)[1:] == ["conta round 1 a: is done", ""]
    assert "\x1b" not in (tmp_path / "a.log").read_text()
    bars = [part for part in text.split("\r") if "━" in part]
    plain = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", bar) for bar in bars]
    assert max(map(len, plain)) < 100


def test_two_jobs_on_one_terminal(tmp_path: Path) -> None:
    """The second writes lines only, each on a line of its own, until the first has ended."""
    terminal = Terminal()
    first = terminal.start(*words(tmp_path, "a", 10), str(tmp_path / "a.log"))
    wait_for(tmp_path / "a-begun")
    (tmp_path / "b-end").touch()
    assert terminal.start(*words(tmp_path, "b", 8), str(tmp_path / "b.log")).wait(120) == 0
    (tmp_path / "a-end").touch()
    assert first.wait(120) == 0
    (tmp_path / "c-end").touch()
    assert terminal.start(*words(tmp_path, "c", 8), str(tmp_path / "c.log")).wait(120) == 0
    text = terminal.text()
    assert re.search(r"1 a: steps .*━", text)
    assert not re.search(r"1 b: steps .*━", text)
    assert re.search(r"1 c: steps .*━", text)
    assert [line for line in screen(text) if "steps: 10" not in line] == [
        "conta round 1 b: is done",
        "conta round 1 a: is done",
        "conta round 1 c: is done",
        "",
    ]


def test_a_library_draws_nothing_by_itself(tmp_path: Path) -> None:
    """Only who called show_bars, as a job and the command line do."""
    code = (
        "import logging\n"
        "from conta_core.runtime import progress_bar\n"
        "from conta_core.runtime.progress import track\n"
        "progress_bar.INTERVAL = 0.0\n"
        "for _ in track(range(50), 50, 'x', logging.getLogger('conta_core')): pass\n"
        "progress_bar.clear_bar()\n"
    )
    terminal = Terminal()
    job = subprocess.Popen([sys.executable, "-c", code], stderr=terminal.theirs)
    assert job.wait(120) == 0
    assert terminal.text() == progress_bar.CLEAR


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}], ids=["dumb"])
def test_no_bar_on(environment: dict[str, str], tmp_path: Path) -> None:
    terminal = Terminal()
    (tmp_path / "a-end").touch()
    job = terminal.start(*words(tmp_path, "a", 8), str(tmp_path / "a.log"), **environment)
    assert job.wait(120) == 0
    assert terminal.text().replace("\r", "") == "conta round 1 a: is done\n"


def test_no_bar_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "a-end").touch()
    done = subprocess.run(
        [sys.executable, "-c", JOB, *words(tmp_path, "a", 8), str(tmp_path / "a.log")],
        stderr=subprocess.PIPE,
        timeout=120,
    )
    assert done.stderr == b"conta round 1 a: is done\n"
