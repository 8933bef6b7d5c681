"""Random numbers that hang on the seed, the round and the stage, and on nothing else.

The name of a run is left out on purpose: two runs with one seed draw the same
numbers, so that the arms of a comparison can be paired.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(*parts: int | str) -> int:
    """Derive a 63-bit seed from the parts, e.g. ``derive_seed(seed, round, "train_cam")``."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """A numpy generator seeded by :func:`derive_seed` of the parts."""
    return np.random.default_rng(derive_seed(*parts))


def torch_generator(*parts: int | str) -> torch.Generator:
    """A CPU torch generator seeded by :func:`derive_seed` of the parts."""
    import torch

    return torch.Generator().manual_seed(derive_seed(*parts))
