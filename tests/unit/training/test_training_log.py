from __future__ import annotations

import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from conta_core.training.training_log import SPAN, TrainingLog


def curves(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_curves(tmp_path: Path) -> None:
    training_log = TrainingLog("thing", str(tmp_path))
    for step in range(30):
        training_log.step(step, 0, float(step), [0.1 - step / 1000, 1.0])
    training_log.end()
    events = curves(tmp_path)
    assert events.Tags()["scalars"] == ["loss", "learning rate/group 0", "learning rate/group 1"]
    loss = [scalar.value for scalar in events.Scalars("loss")]
    assert loss[:3] == [0.0, 0.5, 1.0]
    assert loss[-1] == pytest.approx(sum(range(30 - SPAN, 30)) / SPAN)
    rates = [scalar.value for scalar in events.Scalars("learning rate/group 0")]
    assert rates == pytest.approx([0.1 - step / 1000 for step in range(30)])


def test_a_fresh_training_begins_fresh_curves(tmp_path: Path) -> None:
    for value in (5.0, 7.0):
        training_log = TrainingLog("thing", str(tmp_path))
        training_log.step(0, 0, value, [1.0])
        training_log.end()
    assert [scalar.value for scalar in curves(tmp_path).Scalars("loss")] == [7.0]


def test_a_resumed_training_goes_on_with_the_curves(tmp_path: Path) -> None:
    """What the stopped one wrote after its last state is void."""
    first = TrainingLog("thing", str(tmp_path))
    for step in range(3):
        first.step(step, 0, float(step), [1.0])
    state = first.state()
    first.step(3, 0, 100.0, [1.0])
    first.end()
    time.sleep(1.1)  # event files are named and read by the second
    second = TrainingLog("thing", str(tmp_path))
    second.restore(state)
    second.step(3, 0, 3.0, [1.0])
    second.end()
    loss = [(scalar.step, scalar.value) for scalar in curves(tmp_path).Scalars("loss")]
    assert loss == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]


def test_no_folder_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    training_log = TrainingLog("thing", None)
    training_log.step(0, 0, 1.0, [1.0])
    training_log.end()
    assert list(tmp_path.iterdir()) == []
