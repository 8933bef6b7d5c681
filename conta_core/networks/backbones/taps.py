"""The outputs of several blocks of a backbone, of which the frozen ones ran before."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from conta_core.networks.backbones.backbone import Backbone


def run_frozen(backbone: Backbone, taps: Sequence[int], images: Tensor, first: int) -> list[Tensor]:
    """What the blocks before ``first`` make of images.

    Args:
        backbone: the backbone.
        taps: the blocks whose outputs are wanted, in order.
        images: (B, 3, H, W), normalised.
        first: the first block that training can change.

    Returns:
        The outputs that are wanted of blocks before the last of them, and the state after that
        one; what :func:`run_rest` takes.
    """
    states = backbone.states([images], last=first - 1)
    early = [states[tap - 1][0] for tap in _early(taps, first)]
    return [*early, *(states[-1] if states else [images])]


def run_rest(
    backbone: Backbone,
    taps: Sequence[int],
    frozen: Sequence[Tensor],
    first: int,
    context: Tensor | None = None,
) -> list[Tensor]:
    """The outputs of the blocks ``taps``, each (B, channels, h, w).

    Args:
        backbone: the backbone.
        taps: the blocks whose outputs are wanted, in order.
        frozen: what :func:`run_frozen` gave.
        first: the first block that training can change.
        context: M, where a block reads it.
    """
    count = len(_early(taps, first))
    early, state = list(frozen[:count]), list(frozen[count:])
    if first - 1 in taps:
        early.append(state[0])
    later = backbone(state, context, first=first)
    return [*early, *(later[tap - first] for tap in taps if tap >= first)]


def _early(taps: Sequence[int], first: int) -> list[int]:
    return [tap for tap in taps if tap < first - 1]
