"""Batch norms that learn, over all processes together."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import Backbone
from conta_core.training import processes

Network = TypeVar("Network", bound=nn.Module)


def prepare_batch_norms(network: Network, backbone: Backbone, setting: str, frozen: int) -> Network:
    """Apply the setting ``batch_norm`` to a network on its device.

    Args:
        network: with the backbone in it.
        backbone: whose blocks after the first ``frozen`` learn.
        setting: ``frozen`` (stored statistics in training too) or ``trained``.
        frozen: blocks that keep their weights.

    Returns:
        The network; in several processes its batch norms share their statistics.

    Raises:
        ContaError: trained in several processes without GPUs, where torch cannot share them.
    """
    if setting == "frozen":
        return network
    backbone.train_batch_norms(frozen)
    if processes.count() == 1:
        return network
    if next(network.parameters()).device.type != "cuda":
        raise ContaError(
            f"batch_norm is 'trained' in {processes.count()} processes without GPUs: torch shares "
            "the statistics of batch norms between GPUs only; use one process, or batch_norm: "
            "frozen"
        )
    from timm.layers import convert_sync_batchnorm

    return convert_sync_batchnorm(network)
