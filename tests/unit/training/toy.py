"""A small training: a linear model on numbers, with the engine's own parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import Dataset

from conta_core.settings import TrainingSettings
from conta_core.training import processes
from conta_core.training.engine import train
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.objective import Objective
from conta_core.training.schedule import Schedule

COUNT = 11
SEED = (0, 0, "toy")


class Numbers(Dataset[dict[str, Tensor]]):
    """Images of one number, their target, and how much of each counts."""

    def __init__(self, broken: int | None = None) -> None:
        self.ids = [f"image {index}" for index in range(COUNT)]
        self._broken = broken

    def __len__(self) -> int:
        return COUNT

    def tagged(self, count: int) -> list[int]:
        return [1, 3]

    def whole(self, index: int) -> tuple[dict[str, Tensor], tuple[int, int]]:
        return self[index, 0], (4, 3)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Tensor]:
        index, view = key
        generator = torch.Generator().manual_seed(1000 * index + view)
        image = torch.randint(0, 255, (3, 4, 4), generator=generator, dtype=torch.uint8)
        target = image.float().mean() / 255 * 2 - 1
        if index == self._broken:
            target = torch.tensor(torch.nan)
        return {"image": image, "target": target[None], "weight": torch.tensor([1.0 + index % 3])}


class Line(Objective):
    """Two ratios: a weighted squared error over images, and a mean absolute output."""

    weights = (1.0, 0.1)

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.layer = nn.Linear(48, 1)
        self._noise = noise

    def frozen(self, images: Tensor) -> list[Tensor]:
        return [images.float() / 255]

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        outputs = self.layer(features[0].flatten(1)).float()
        if self._noise:
            outputs = outputs + self._noise * torch.randn(outputs.shape)
        weight = targets["weight"]
        errors = weight * (outputs - targets["target"]) ** 2
        sums = torch.stack([errors.sum(), outputs.abs().sum()])
        return sums, torch.stack([weight.sum(), weight.new_tensor(float(len(weight)))])


@processes.in_processes
def train_toy(
    output: str,
    settings: TrainingSettings,
    files: TrainingFiles = NO_FILES,
    noise: float = 0.0,
    broken: int | None = None,
    key: str = "key",
) -> None:
    objective = Line(noise)
    torch.manual_seed(7)
    groups: list[dict[str, Any]] = [
        {"params": [objective.layer.weight], "lr": 0.01, "weight_decay": 1e-3},
        {"params": [objective.layer.bias], "lr": 0.02, "weight_decay": 0.0},
    ]
    images: Any = Numbers(broken)
    schedule = Schedule(COUNT, settings, SEED)
    train(objective, groups, images, schedule, what="toy", key=key, files=files)
    if processes.is_first():
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        save_file(objective.state_dict(), output)
