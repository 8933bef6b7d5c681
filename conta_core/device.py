"""Where tensors live: the only module that asks."""

from __future__ import annotations

import torch

from conta_core.gpus import take_gpus


def select_device(number: int = 0) -> torch.device:
    """A CUDA device where there is one (``CUDA_VISIBLE_DEVICES`` decides), else the CPU."""
    take_gpus(1)
    return torch.device(f"cuda:{number}" if torch.cuda.is_available() else "cpu")


def count_devices(asked: int) -> int:
    """How many processes may train together: one a CUDA device, at most as many as asked for."""
    take_gpus(asked)
    return max(1, min(asked, torch.cuda.device_count()))


def configure_threads(threads: int) -> None:
    """Let torch use ``threads`` CPU threads and only deterministic algorithms."""
    take_gpus(1)
    torch.set_num_threads(max(1, threads))
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # else every new tensor is filled with NaN before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
