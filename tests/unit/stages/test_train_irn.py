from __future__ import annotations

from pathlib import Path

import pytest
import torch
from chain import IRN, Chain
from safetensors.torch import load_file

from conta_core.errors import ContaError
from conta_core.stages.train_irn import train_irn


def test_the_model_is_finite_and_has_its_mean_displacement(chain: Chain) -> None:
    tensors = load_file(chain.path("irn.safetensors"))
    assert tensors["mean_displacement"].abs().max() > 0
    assert all(bool(torch.isfinite(value).all()) for value in tensors.values())


def test_a_radius_that_does_not_fit(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(ContaError, match=r"irn\.radius is 7: .* 12 x 12 cells"):
        train_irn(
            manifest=chain.manifest,
            labels=chain.path("labels.h5"),
            output=str(tmp_path / "irn.safetensors"),
            settings=IRN.model_copy(update={"radius": 7}),
            seed=0,
            round_index=0,
            threads=1,
        )
    assert not list(tmp_path.iterdir())
