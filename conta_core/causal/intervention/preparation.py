"""How an intervention prepares the trainings."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from conta_core.causal.intervention.object_masks import object_masks
from conta_core.causal.intervention.ownership import read_taken
from conta_core.causal.intervention.propensity import read_weights
from conta_core.causal.intervention.recombination import Intervention
from conta_core.causal.methods.base import CausalInputs, Preparation
from conta_core.data.manifest import Manifest


def prepare_classifier(
    causal: CausalInputs,
    data: Manifest,
    ids: Sequence[str],
    draws: tuple[int | str, ...],
    device: torch.device,
) -> Preparation:
    """Views with the objects of the round before, and the weights of what is left as it is.

    Args:
        causal: with ``pseudo_masks``, and ``objects`` where ownership is checked or tags are
            balanced.
        data: the manifest.
        ids: training images.
        draws: parts of the seed.
        device: that computes the weights.

    Raises:
        ContaError: a file is missing or broken, or the masks hold no object.
        ValueError: no file where one is needed.
    """
    shares = causal.settings.intervention
    masks = causal.files.get("pseudo_masks")
    acting = _intervention(
        causal, data, ids, draws, masks, shares.recombined, shares.counterfactual
    )
    if not shares.balances:
        return Preparation({"context_block": None}, {"intervene": acting})
    if "objects" not in causal.files:
        raise ValueError("balance is propensity, and no objects.h5 was given")
    weights = read_weights(causal.files["objects"], data, ids, device)
    views = {"intervene": acting, "weights": weights.__getitem__}
    return Preparation({"context_block": None}, views)


def prepare_segmentation(
    causal: CausalInputs,
    data: Manifest,
    ids: Sequence[str],
    draws: tuple[int | str, ...],
    pseudo_masks: str,
) -> Preparation:
    """Views with the objects of the round's own pseudo-masks.

    Args:
        causal: with ``objects`` where ownership is checked.
        data: the manifest.
        ids: training images.
        draws: parts of the seed.
        pseudo_masks: folder of <id>.png.

    Raises:
        ContaError: a file is missing or broken, or the masks hold no object.
    """
    share = causal.settings.intervention.segmentation_recombined
    if share == 0:
        return Preparation()
    acting = _intervention(causal, data, ids, draws, pseudo_masks, share, 0.0)
    return Preparation(views={"intervene": acting})


def _intervention(
    causal: CausalInputs,
    data: Manifest,
    ids: Sequence[str],
    draws: tuple[int | str, ...],
    pseudo_masks: str | None,
    recombined: float,
    counterfactual: float,
) -> Intervention:
    chosen, objects = causal.settings.intervention, causal.files.get("objects")
    return Intervention(
        data,
        ids,
        object_masks(data, ids, pseudo_masks, chosen),
        causal.settings,
        recombined=recombined,
        counterfactual=counterfactual,
        seed=draws,
        taken=read_taken(objects, ids, data.classes) if objects and chosen.checks_ownership else {},
    )
