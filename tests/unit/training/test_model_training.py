"""What the training stages share, on the toy's model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toy import COUNT, Line, Numbers

from conta_core.runtime.seeding import derive_seed
from conta_core.settings import TrainingSettings
from conta_core.storage.model_files import read_metadata
from conta_core.training import processes
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.model_training import ModelTraining

SETTINGS = TrainingSettings(epochs=2, batch_size=4)
DRAWS = (3, 1, "toy stage")


def training(files: TrainingFiles = NO_FILES, threads: int = 1) -> ModelTraining:
    return ModelTraining(
        "toy stage", run, SETTINGS, seed=3, round_index=1, threads=threads, files=files
    )


def run(frame: ModelTraining, objective: Line, **further: Any) -> None:
    groups = [{"params": list(objective.parameters()), "lr": 0.01, "weight_decay": 0.0}]
    images: Any = Numbers()
    frame.run("toy", objective, groups, images, inputs=[__file__, None], **further)


def test_architecture() -> None:
    assert training().draws == DRAWS
    assert training().architecture(scales=[0.5]) == {
        "backbone": SETTINGS.backbone,
        "weights": SETTINGS.weights,
        "output_stride": SETTINGS.output_stride,
        "seed": derive_seed(*DRAWS, "weights"),
        "scales": [0.5],
    }


@pytest.mark.parametrize(
    ("threads", "count", "own", "readers"), [(1, 1, 1, 0), (5, 1, 5, 3), (9, 2, 4, 2), (1, 2, 1, 0)]
)
def test_threads(
    monkeypatch: pytest.MonkeyPatch, threads: int, count: int, own: int, readers: int
) -> None:
    """They are shared out to the processes; two stay with the training."""
    before = torch.get_num_threads()
    monkeypatch.setattr(processes, "count", lambda: count)
    try:
        assert training(threads=threads).readers == readers
        assert torch.get_num_threads() == own
    finally:
        torch.set_num_threads(before)


def test_draws_of_the_network_are_seeded() -> None:
    """Noise, in place of dropout: the same however often torch was asked before."""
    weights = []
    for asked in (0, 5):
        objective = Line(noise=0.1)
        torch.rand(asked)
        run(training(), objective)
        weights.append(objective.layer.weight.detach().clone())
    assert torch.equal(*weights)


def test_the_run_takes_the_schedule_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def keep(objective: Any, groups: Any, images: Any, schedule: Any, **options: Any) -> None:
        given.update(options, schedule=schedule, training=objective.training)

    monkeypatch.setattr("conta_core.training.model_training.train", keep)
    files = TrainingFiles(tensorboard="folder")
    keys = set()
    for further in ({}, {"context": None}, {"context": SETTINGS}):
        run(training(files), Line().eval(), workers=2, **further)
        keys.add(given["key"])
    assert len(keys) == 3
    schedule = given["schedule"]
    assert (schedule.images, schedule.settings, schedule.seed) == (COUNT, SETTINGS, DRAWS)
    assert (given["what"], given["files"], given["workers"]) == ("toy", files, 2)
    assert given["training"]


@pytest.mark.parametrize("first", [True, False])
def test_the_model_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: bool) -> None:
    """By the first process alone, which then discards the state."""
    state, output = tmp_path / "state.pt", tmp_path / "model.safetensors"
    state.write_bytes(b"x")
    frame, model = training(TrainingFiles(checkpoint=str(state))), Line()
    monkeypatch.setattr(processes, "is_first", lambda: first)
    frame.keep(str(output), model, "cam", ("cat", "dog"), frame.architecture())
    assert output.exists() == first
    assert state.exists() != first
    if first:
        assert read_metadata(output) == ("cam", ("cat", "dog"), frame.architecture())
        assert torch.equal(load_file(output)["layer.weight"], model.layer.weight)
