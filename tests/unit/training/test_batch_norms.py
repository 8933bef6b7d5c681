from __future__ import annotations

import pytest
import torch
from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.registry import build_backbone
from conta_core.training import batch_norms
from conta_core.training.batch_norms import prepare_batch_norms

FROZEN = 2


def norms(block: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("setting", ["frozen", "trained"])
def test_which_norms_gather_statistics(setting: str) -> None:
    backbone = build_backbone("resnet18", "none", 32)
    assert prepare_batch_norms(backbone, backbone, setting, FROZEN) is backbone
    backbone.train()
    before = {k: v.clone() for k, v in backbone.state_dict().items() if "running" in k}
    backbone(torch.randn(2, 3, 64, 64))
    after = backbone.state_dict()
    for key, value in before.items():
        block = int(key.split(".")[1])
        moved = not torch.equal(after[key], value)
        assert moved == (setting == "trained" and block >= FROZEN), key
    backbone.eval()
    assert not any(norm.training for norm in norms(backbone))


def test_several_processes_without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_norms.processes, "count", lambda: 2)
    backbone = build_backbone("resnet18", "none", 32)
    with pytest.raises(ContaError, match="batch_norm is 'trained' in 2 processes without GPUs"):
        prepare_batch_norms(backbone, backbone, "trained", FROZEN)
    assert prepare_batch_norms(backbone, backbone, "frozen", FROZEN) is backbone
