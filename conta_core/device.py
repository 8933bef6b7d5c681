"""Where tensors live: the only module that asks."""

from __future__ import annotations

import torch


def select_device() -> torch.device:
    """The first CUDA device where there is one (``CUDA_VISIBLE_DEVICES`` decides), else the CPU."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def configure_threads(threads: int) -> None:
    """Let torch use ``threads`` CPU threads and only deterministic algorithms."""
    torch.set_num_threads(max(1, threads))
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
