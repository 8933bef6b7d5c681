"""Looking at a training changes nothing of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor
from toy import Line, Numbers, train_toy

from conta_core.settings import TrainingSettings
from conta_core.training import previews
from conta_core.training.files import TrainingFiles
from conta_core.training.previews import Previews, heat_over
from conta_core.training.schedule import Schedule

SETTINGS = TrainingSettings(epochs=4, batch_size=3, momentum=0.9)


class Drawn(Line):
    """Draws random numbers and notes its mode, as no preview should have to take care not to."""

    previewed = "noise"
    calls = 0

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__(noise)
        self.still = torch.nn.Dropout(0.5)

    def train(self, mode: bool = True) -> Drawn:
        super().train(mode)
        self.still.training = False  # stays so, whatever the others do
        return self

    def preview(self, images: Tensor, targets: Any) -> list[list[np.ndarray]]:
        assert not self.training
        assert not torch.is_grad_enabled()
        type(self).calls += 1
        torch.rand(3)
        return [[np.full((4, 4, 3), 7, np.uint8)] for _ in images]


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> type[Drawn]:
    """The toy training draws at the end of every epoch."""
    monkeypatch.setattr("toy.Line", Drawn)
    monkeypatch.setattr(previews, "SHARE", 1e9)
    monkeypatch.setattr(Drawn, "calls", 0)
    return Drawn


def pictures(folder: Path) -> dict[str, list[int]]:
    """name -> steps."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    return {tag: [image.step for image in events.Images(tag)] for tag in events.Tags()["images"]}


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"views": 2}, {"precision": "float16"}])
def test_the_same_bits(options: dict[str, Any], tmp_path: Path, drawing: type[Drawn]) -> None:
    settings = SETTINGS.model_copy(update=options)
    train_toy(output=str(tmp_path / "without"), settings=settings, noise=0.1)
    assert drawing.calls == 0
    files = TrainingFiles(tensorboard=str(tmp_path / "board"))
    train_toy(output=str(tmp_path / "with"), settings=settings, noise=0.1, files=files)
    assert drawing.calls == 4
    assert (tmp_path / "with").read_bytes() == (tmp_path / "without").read_bytes()
    found = pictures(tmp_path / "board")
    assert found.keys() == {"noise/image 1", "noise/image 3"}
    assert len(found["noise/image 1"]) == 4


def test_the_same_bits_when_stopped(
    tmp_path: Path, drawing: type[Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    train_toy(output=str(tmp_path / "whole"), settings=SETTINGS, noise=0.1)
    files = TrainingFiles(str(tmp_path / "state.pt"), str(tmp_path / "board"))
    again = {"settings": SETTINGS, "noise": 0.1, "files": files}
    preview = drawing.preview

    def stop(self: Drawn, *args: Any) -> Any:
        if drawing.calls == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return preview(self, *args)

    monkeypatch.setattr(drawing, "preview", stop)
    with pytest.raises(SystemExit):
        train_toy(output=str(tmp_path / "model"), **again)
    assert drawing.calls == 2
    train_toy(output=str(tmp_path / "model"), **again)
    assert drawing.calls == 4
    assert (tmp_path / "model").read_bytes() == (tmp_path / "whole").read_bytes()


def test_modes_are_given_back(drawing: type[Drawn]) -> None:
    objective = drawing().train()
    before = torch.get_rng_state()
    images: Any = Numbers()
    found = Previews(objective, images).draw()
    assert objective.training
    assert objective.layer.training
    assert not objective.still.training
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert {name: picture.shape for name, picture in found.items()} == {
        "noise/image 1": (4, 6, 3),
        "noise/image 3": (4, 6, 3),
    }


def test_only_a_small_share_of_the_time(
    drawing: type[Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds a drawing, ten an epoch: in 1000 s a share of 1 % allows ten, and the first."""
    now = [0.0]
    monkeypatch.setattr(previews.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(previews, "SHARE", 0.02)
    preview = drawing.preview

    def slow(self: Drawn, *args: Any) -> Any:
        now[0] += 2.0
        return preview(self, *args)

    monkeypatch.setattr(drawing, "preview", slow)
    images: Any = Numbers()
    drawn = Previews(drawing(), images)
    for _ in range(100):
        now[0] += 10.0
        if drawn.due(last=False):
            drawn.draw()
    assert drawing.calls == 10
    assert not drawn.due(last=False)
    assert drawn.due(last=True)


def test_of_two_processes_only_the_first_draws(tmp_path: Path) -> None:
    """With objectives that draw nothing, the loop of both must still keep step."""
    board = tmp_path / "board"
    files = TrainingFiles(tensorboard=str(board))
    settings = SETTINGS.model_copy(update={"batch_size": 4})
    train_toy(output=str(tmp_path / "2"), settings=settings, files=files, processes=2)
    train_toy(output=str(tmp_path / "plain"), settings=settings, processes=2)
    assert (tmp_path / "2").read_bytes() == (tmp_path / "plain").read_bytes()
    assert len(list(board.iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        ({"epochs": 2, "batch_size": 5}, [3, 6]),
        ({"epochs": 3, "batch_size": 5, "accumulate": 2}, [2, 3, 4]),
        ({"iterations": 4, "epochs": 1, "batch_size": 5}, [3, 4]),
    ],
)
def test_ends_of_epochs(options: dict[str, Any], ends: list[int]) -> None:
    schedule = Schedule(11, TrainingSettings(**options), (0,))
    steps = range(1, schedule.steps + 1)
    assert [step for step in steps if schedule.ends_epoch(step)] == ends


def test_heat() -> None:
    image = torch.full((3, 6, 8), 100, dtype=torch.uint8)
    drawn = heat_over(image, torch.tensor([[0.0, 1.0]]))
    assert drawn.shape == (6, 8, 3)
    assert drawn.dtype == np.uint8
    assert drawn[0, -1].astype(int).sum() > drawn[0, 0].astype(int).sum() + 200
