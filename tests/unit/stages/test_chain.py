from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from chain import Chain


def test_the_same_bits_again(chain: Chain, manifest_path: str, tmp_path: Path) -> None:
    """Every file of a second run in another folder, after other draws."""
    torch.manual_seed(4321)
    np.random.default_rng().random(5)
    again = Chain(tmp_path, manifest_path).all()
    compared = 0
    for path in sorted(chain.folder.rglob("*")):
        if path.is_file():
            other = again.folder / path.relative_to(chain.folder)
            assert other.read_bytes() == path.read_bytes(), path.name
            compared += 1
    # 10 of the first round besides its 8 masks, 2 of the second
    assert compared == 10 + 8 + 2


def test_stores_keep_what_they_were_told(chain: Chain) -> None:
    for path in chain.folder.rglob("*.h5"):
        with h5py.File(path, "r") as file:
            assert bool(file.attrs["complete"])
