"""What every stage sets of torch before it computes."""

from __future__ import annotations

import torch

from conta_core.runtime.device import configure_threads


def test_float32_is_whole() -> None:
    """Torch lets convolutions of a GPU round to TF32 by default."""
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = True
    configure_threads(torch.get_num_threads())
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
