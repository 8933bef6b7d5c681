"""The section of confounder sets: the average mask of each class, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.figures import Figure, figure
from conta_core.evaluation.report.pieces import Section
from conta_core.evaluation.store_kinds.confounders import (
    Confounders,
    ConfounderSet,
    read_confounder_set,
)
from conta_core.images.drawing.colour_maps import heat_map
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
    top = max((float(one.masks.max(initial=0)) for one in sets.values()), default=0.0)
    ramp = np.tile(np.linspace(0, 1, 176, dtype=np.float32), (12, 1))
    scale = f"dark: 0, bright: {top:.2f}"
    many = len(sets) * len(manifest.classes) > OPEN
    values = {
        "scale": figure(heat_map(ramp), scale, f"scale of the colours, {scale}"),
        "sets": [
            {
                "round": index,
                "closed": many and index != max(sets),
                "figures": _figures(found, index, top),
            }
            for index, found in sets.items()
        ],
    }
    return Section("confounders", "Confounder sets", "confounders.html", values)


def _figures(found: ConfounderSet, index: int, top: float) -> list[Figure]:
    """The masks of a set, in the colours of 0 to ``top``."""
    areas = [f"area {100 * mask.mean():.1f}" for mask in found.masks]
    return [
        figure(
            heat_map(mask / max(top, 1e-12)),
            f"{name}: P {prior:.3f}, {count} images, {area}",
            f"average mask of {name}, round {index}, {area} percent",
            exact=True,
        )
        for name, mask, prior, count, area in zip(*found, areas, strict=True)
    ]


def _read(path: str, manifest: Manifest) -> ConfounderSet:
    with StoreReader(path, Confounders.name, (), manifest.classes) as store:
        return read_confounder_set(store)
