"""The section of confounder sets: the average mask of each class, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conta_core.causal.conta.confounder_names import confounder_names
from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.figures import figure, heat_map
from conta_core.evaluation.report.html_pieces import details, grid, section
from conta_core.storage.stores.reader import StoreReader

#: masks that are shown without being asked for; of more, those of the last set alone
OPEN = 60


def confounders_section(manifest: Manifest, rounds: Sequence[Mapping[str, Any]]) -> str:
    """A labelled grid a round, all in the same colours.

    Args:
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Returns:
        html.

    Raises:
        ContaError: a store is missing or broken.
    """
    sets = {
        index: _read(paths["confounders"], manifest)
        for index, paths in enumerate(rounds)
        if paths.get("confounders")
    }
    if not sets:
        words = "This run has none: it has one round, or context.method is not conta."
        return section("confounders", "Confounder sets", [f"<p>{words}</p>"])
    top = max(float(masks.max(initial=0)) for masks, _, _ in sets.values())
    ramp = np.tile(np.linspace(0, 1, 176, dtype=np.float32), (12, 1))
    scale = f"dark: 0, bright: {top:.2f}"
    parts = [
        "<p>The class-specific average masks: how often the class covers a place, over the images "
        "that have its tag. P is the prior, and area the mean of the mask in percent of the "
        "image. The set of a round makes the context M of the next.</p>",
        figure(heat_map(ramp), scale, f"scale of the colours, {scale}"),
    ]
    for index, (masks, prior, count) in sets.items():
        figures = [
            figure(
                heat_map(mask / max(top, 1e-12)),
                f"{name}: P {prior[i]:.3f}, {count[i]} images, area {100 * mask.mean():.1f}",
                f"average mask of {name}, round {index}, area {100 * mask.mean():.1f} percent",
                exact=True,
            )
            for i, (name, mask) in enumerate(
                zip(confounder_names(manifest.classes, len(masks)), masks, strict=True)
            )
        ]
        title = f"Round {index}"
        if len(sets) * len(manifest.classes) > OPEN and index != max(sets):
            parts.append(details(title, [grid(figures)]))
        else:
            parts += [f"<h3>{title}</h3>", grid(figures)]
    return section("confounders", "Confounder sets", parts)


def _read(path: str, manifest: Manifest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks float32 (n, h, w), prior float32 (n,) and count int64 (n,) of a store."""
    with StoreReader(path, "confounders", (), manifest.classes) as store:
        return store.read_root("masks"), store.read_root("prior"), store.read_root("count")
