"""How the classifier gets M: made before, or made inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conta_core.causal.conta.context_ingredients import ContextIngredients
from conta_core.causal.conta.context_maps import ContextMaps
from conta_core.causal.methods.base import CausalInputs, Preparation
from conta_core.data.manifest import Manifest


def open_context(
    causal: CausalInputs, data: Manifest, ids: Sequence[str]
) -> ContextMaps | ContextIngredients:
    """What a classifier reads of the round before: M, or what it makes M of.

    Args:
        causal: with ``context``, of learning by tags; else with the files of
            :class:`.ContextIngredients`.
        data: the manifest.
        ids: images that are read.

    Raises:
        ContaError: a store is missing or broken.
    """
    files, scaling = causal.files, causal.settings.scaling
    if "context" in files:
        return ContextMaps(files["context"], scaling, ids, data.classes)
    return ContextIngredients(files, scaling, data, ids)


def prepare_classifier(causal: CausalInputs, data: Manifest, ids: Sequence[str]) -> Preparation:
    """A network with inputs for M, and views with M on them.

    Args:
        causal: as of :func:`open_context`.
        data: the manifest.
        ids: training images.

    Raises:
        ContaError: a store is missing or broken.
    """
    maps = open_context(causal, data, ids)
    architecture: dict[str, Any] = {"context_block": causal.settings.block}
    if maps.channels > 1:
        architecture["context_channels"] = maps.channels
    views: dict[str, Any] = {"context": maps.__getitem__}
    if isinstance(maps, ContextMaps):
        return Preparation(architecture, views)
    architecture["attention"] = list(maps.confounders.shape)
    views["query"] = maps.query
    return Preparation(
        architecture, views, begin=lambda model: model.attend_to(maps.confounders, maps.prior)
    )
