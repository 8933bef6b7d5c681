from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import SafetensorError

from conta_core.errors import ContaError
from conta_core.runtime.jobs import job

LOGGER = logging.getLogger("conta_core.test")


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    logger = logging.getLogger("conta_core")
    before = logger.handlers, logger.propagate, logger.level
    yield
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def ended(error: BaseException, log: Path) -> str:
    """The log of a job in which this was raised, and which ended with status 1."""
    with (
        pytest.raises(SystemExit) as end,
        job(str(log), "train_cam", {"run": "conta", "round": "1"}),
    ):
        raise error
    assert end.value.code == 1
    return log.read_text()


@pytest.mark.parametrize(
    ("wildcards", "name"),
    [
        ({"run": "conta"}, "conta extract_cams"),
        ({"run": "conta", "round": "2"}, "conta round 2 extract_cams"),
        (
            {"run": "conta", "round": "2", "part": "1", "parts": "1"},
            "conta round 2 extract_cams",
        ),
        (
            {"run": "conta", "round": "2", "part": "3", "parts": "4"},
            "conta round 2 extract_cams 3 of 4",
        ),
    ],
)
def test_each_line_names_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wildcards: dict[str, str], name: str
) -> None:
    with job(str(tmp_path / "log"), "extract_cams", wildcards):
        LOGGER.info("done")
    assert capsys.readouterr().err == f"{name}: done\n"


def test_an_error_that_a_user_can_mend_is_one_line(tmp_path: Path) -> None:
    text = ended(ContaError("a.jpg: missing"), tmp_path / "log")
    assert "error: a.jpg: missing" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "results/x.h5"),
        OSError("Unable to synchronously write (errno = 28, error message = '...')"),
        SafetensorError("Error while serializing: I/O error: No space left (os error 28)"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EROFS, "Read-only file system"),
        PermissionError(errno.EACCES, "Permission denied", "results/x.h5"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, error: Exception) -> None:
    text = ended(error, tmp_path / "log")
    assert "what was finished is kept" in text
    assert "Traceback" not in text


def test_the_cause_counts(tmp_path: Path) -> None:
    error = RuntimeError("the writer failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device", "results/x.h5")
    assert "No space left on device: results/x.h5" in ended(error, tmp_path / "log")


def test_anything_else_is_logged_with_its_traceback(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        job(str(tmp_path / "log"), "train_cam", {"run": "conta", "round": "1"}),
    ):
        raise ZeroDivisionError("by zero")
    assert "Traceback" in (tmp_path / "log").read_text()
