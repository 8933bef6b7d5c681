"""What a training draws, without the learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from conta_core.training.frozen_features import Batch, batches


def drawn(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[], Any]
) -> tuple[list[Batch], list[dict[str, Any]]]:
    """The batches that a training reads and its parameter groups; nothing is learned."""
    kept: list[Batch] = []
    groups: list[dict[str, Any]] = []

    def keep(objective: Any, given: Any, images: Any, schedule: Any, **options: Any) -> None:
        views, device = schedule.settings.views, torch.device("cpu")
        passes = schedule.passes()
        kept.extend(batches(images, objective.frozen, passes, views=views, device=device))
        assert len(kept) == schedule.steps
        groups.extend(given)

    monkeypatch.setattr("conta_core.training.model_training.train", keep)
    run()
    return kept, groups
