"""The section of confounder sets: the average mask of each class, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conta_core.causal.conta.confounder_names import confounder_names
from conta_core.data.manifest import Manifest
from conta_core.drawing.colour_maps import heat_map
from conta_core.evaluation.report.figures import Figure, figure
from conta_core.evaluation.report.pieces import Section
from conta_core.storage.stores.reader import StoreReader

#: masks that are shown without being asked for; of more, those of the last set alone
OPEN = 60


def confounders_section(manifest: Manifest, rounds: Sequence[Mapping[str, Any]]) -> Section:
    """A labelled grid a round, all in the same colours.

    Args:
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Raises:
        ContaError: a store is missing or broken.
    """
    sets = {
        index: _read(paths["confounders"], manifest)
        for index, paths in enumerate(rounds)
        if paths.get("confounders")
    }
    top = max((float(masks.max(initial=0)) for masks, _, _ in sets.values()), default=0.0)
    ramp = np.tile(np.linspace(0, 1, 176, dtype=np.float32), (12, 1))
    scale = f"dark: 0, bright: {top:.2f}"
    many = len(sets) * len(manifest.classes) > OPEN
    values = {
        "scale": figure(heat_map(ramp), scale, f"scale of the colours, {scale}"),
        "sets": [
            {
                "round": index,
                "closed": many and index != max(sets),
                "figures": _figures(manifest, index, *found, top),
            }
            for index, found in sets.items()
        ],
    }
    return Section("confounders", "Confounder sets", "confounders.html", values)


def _figures(
    manifest: Manifest,
    index: int,
    masks: np.ndarray,
    prior: np.ndarray,
    count: np.ndarray,
    top: float,
) -> list[Figure]:
    """The masks of a set, in the colours of 0 to ``top``."""
    names = confounder_names(manifest.classes, len(masks))
    areas = [f"area {100 * mask.mean():.1f}" for mask in masks]
    return [
        figure(
            heat_map(mask / max(top, 1e-12)),
            f"{name}: P {prior[i]:.3f}, {count[i]} images, {areas[i]}",
            f"average mask of {name}, round {index}, {areas[i]} percent",
            exact=True,
        )
        for i, (name, mask) in enumerate(zip(names, masks, strict=True))
    ]


def _read(path: str, manifest: Manifest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks float32 (n, h, w), prior float32 (n,) and count int64 (n,) of a store."""
    with StoreReader(path, "confounders", (), manifest.classes) as store:
        return store.read_root("masks"), store.read_root("prior"), store.read_root("count")
