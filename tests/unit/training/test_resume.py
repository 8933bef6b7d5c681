"""A training that was stopped goes on to the same bits."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from toy import Line, train_toy

from conta_core.settings import TrainingSettings
from conta_core.training import engine
from conta_core.training.files import TrainingFiles
from conta_core.training.interruption import EXIT_STATUS
from conta_core.workflow.resume_key import resume_key

SETTINGS = TrainingSettings(epochs=4, batch_size=3, momentum=0.9)


def stop_at(monkeypatch: pytest.MonkeyPatch, call: int, how: Any) -> None:
    """Let something happen in the call-th forward pass, once."""
    forward = Line.forward
    count = 0

    def counting(self: Line, *args: Any) -> Any:
        nonlocal count
        count += 1
        if count == call:
            how()
        return forward(self, *args)

    monkeypatch.setattr(Line, "forward", counting)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def killed() -> None:
    raise KeyboardInterrupt


CASES = {
    "plain": {},
    "accumulated": {"accumulate": 2},
    "cached": {"views": 2},
    "mixed precision": {"precision": "float16"},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
@pytest.mark.parametrize("call", [1, 6, 9])
def test_sigterm(
    options: dict[str, Any], call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step in which it comes is finished and kept; noise shows that draws go on too."""
    settings = SETTINGS.model_copy(update=options)
    train_toy(output=str(tmp_path / "whole"), settings=settings, noise=0.1)
    files = TrainingFiles(checkpoint=str(tmp_path / "state.pt"))
    stopped = {"settings": settings, "noise": 0.1, "files": files}
    with monkeypatch.context() as patch:
        stop_at(patch, call, terminate)
        with pytest.raises(SystemExit) as raised:
            train_toy(output=str(tmp_path / "model"), **stopped)
    assert raised.value.code == EXIT_STATUS == 143
    assert (tmp_path / "state.pt").is_file()
    assert not (tmp_path / "model").exists()
    train_toy(output=str(tmp_path / "model"), **stopped)
    assert (tmp_path / "model").read_bytes() == (tmp_path / "whole").read_bytes()


def test_the_handler_is_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    train_toy(output=str(tmp_path / "model"), settings=SETTINGS)
    assert signal.getsignal(signal.SIGTERM) is before


def test_killed_between_two_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_toy(output=str(tmp_path / "whole"), settings=SETTINGS, noise=0.1)
    files = TrainingFiles(checkpoint=str(tmp_path / "state.pt"))
    monkeypatch.setattr(engine, "CHECKPOINT_INTERVAL", 0.0)
    with monkeypatch.context() as patch:
        stop_at(patch, 11, killed)
        with pytest.raises(KeyboardInterrupt):
            train_toy(output=str(tmp_path / "model"), settings=SETTINGS, noise=0.1, files=files)
    monkeypatch.setattr(engine, "CHECKPOINT_INTERVAL", 1e9)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    with monkeypatch.context() as patch:
        forward = Line.forward

        def counted(self: Line, *args: Any) -> Any:
            count()
            return forward(self, *args)

        patch.setattr(Line, "forward", counted)
        train_toy(output=str(tmp_path / "model"), settings=SETTINGS, noise=0.1, files=files)
    assert done == 16 - 10  # ten of the sixteen steps had been kept
    assert (tmp_path / "model").read_bytes() == (tmp_path / "whole").read_bytes()


def keep_a_state(path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingFiles:
    files = TrainingFiles(checkpoint=str(path))
    with monkeypatch.context() as patch:
        stop_at(patch, 4, terminate)
        with pytest.raises(SystemExit):
            train_toy(output=str(path.parent / "model"), settings=SETTINGS, files=files)
    return files


def test_a_state_of_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = keep_a_state(tmp_path / "state.pt", monkeypatch)
    train_toy(output=str(tmp_path / "fresh"), settings=SETTINGS)
    caplog.set_level(logging.WARNING, logger="conta_core")
    train_toy(output=str(tmp_path / "other"), settings=SETTINGS, files=files, key="another")
    assert "of other settings, inputs or code; the training begins anew" in caplog.text
    assert (tmp_path / "other").read_bytes() == (tmp_path / "fresh").read_bytes()


@pytest.mark.parametrize("how", ["cut", "garbage", "empty"])
def test_a_broken_state(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.pt"
    files = keep_a_state(path, monkeypatch)
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "garbage": b"x" * 99, "empty": b""}[how])
    train_toy(output=str(tmp_path / "fresh"), settings=SETTINGS)
    caplog.set_level(logging.WARNING, logger="conta_core")
    train_toy(output=str(tmp_path / "again"), settings=SETTINGS, files=files)
    assert "cannot be read; the training begins anew" in caplog.text
    assert (tmp_path / "again").read_bytes() == (tmp_path / "fresh").read_bytes()


def _stage() -> None:
    assert engine.train


def _other_stage() -> None:
    assert engine._shared


def test_the_key(tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.write_text("one")
    first = resume_key(_stage, [str(source), None], settings=SETTINGS, seed=0)
    assert resume_key(_stage, [str(source), None], settings=SETTINGS, seed=0) == first
    assert resume_key(_stage, [str(source), None], settings=SETTINGS, seed=1) != first
    assert resume_key(_other_stage, [str(source), None], settings=SETTINGS, seed=0) != first
    longer = SETTINGS.model_copy(update={"epochs": 5})
    assert resume_key(_stage, [str(source), None], settings=longer, seed=0) != first
    source.write_text("other")
    assert resume_key(_stage, [str(source), None], settings=SETTINGS, seed=0) != first
