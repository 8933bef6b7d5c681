"""Where tensors live: the only module that asks."""

from __future__ import annotations

import torch

from conta_core.runtime.gpus import take_gpus


def select_device(number: int = 0) -> torch.device:
    """A CUDA device where there is one (``CUDA_VISIBLE_DEVICES`` decides), else the CPU."""
    take_gpus(1)
    return torch.device(f"cuda:{number}" if torch.cuda.is_available() else "cpu")


def count_devices(asked: int) -> int:
    """How many processes may train together: one a CUDA device, at most as many as asked for."""
    take_gpus(asked)
    return max(1, min(asked, torch.cuda.device_count()))


def configure_images_at_once(threads: int) -> int:
    """As :func:`configure_threads`, for a job that goes through images one by one.

    Small images gain little from many threads each. So on a CPU every thread has an image of its
    own, whose numbers then hang neither on the cores nor on what is computed beside it; a GPU
    takes one image after the other.

    Returns:
        How many images to compute at once, by
        :func:`~conta_core.runtime.threads.map_in_threads`.
    """
    on_cpu = select_device().type == "cpu"
    configure_threads(1 if on_cpu else threads)
    return max(1, threads) if on_cpu else 1


def configure_threads(threads: int) -> None:
    """Let torch use ``threads`` CPU threads, deterministic algorithms and whole float32.

    A GPU would round the factors of float32 convolutions to 10 bits (TF32) without being asked:
    CAMs and edges would differ from the CPU's in the third digit.
    """
    take_gpus(1)
    torch.set_num_threads(max(1, threads))
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # else every new tensor is filled with NaN before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
