"""The json files that hold the scores of a stage, list by list."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.cooccurrence import on_companions
from conta_core.evaluation.scores.label_counts import LabelCounts, mean_over_labels
from conta_core.evaluation.scores.layout import SCORES
from conta_core.storage.json_files import read_format, write_json

FORMAT = "conta-scores"
FORMAT_VERSION = 1


def ids_with_masks(manifest: Manifest, list_name: str) -> list[str]:
    """Images of a list ("train", "val") that have ground truth, in order."""
    return [i for i in manifest.ids(list_name) if manifest.images[i].mask]


def score_entry(
    matrix: np.ndarray,
    *,
    manifest: Manifest,
    list_name: str,
    images: int,
    threshold: Mapping[str, Any] | None = None,
    curve: Mapping[float, float] | None = None,
    why: str | None = None,
    pairs: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What a scores json says of one list.

    Args:
        matrix: int64 (n, n + 1) of
            :func:`~conta_core.evaluation.scores.confusion.confusion_matrix`, over the whole list.
        manifest: gives class names, the list's own name and the ground truth's.
        list_name: "train" or "val".
        images: how many images were counted; with 0 the numbers are null and ``why`` says so.
        threshold: ``value`` and how it was ``chosen``, or None where there is none.
        curve: threshold -> mIoU, where a sweep was made.
        why: no image was counted, if not for lack of ground truth.
        pairs: of :meth:`~conta_core.evaluation.scores.biased_pairs.BiasedPairs.result`; left out
            where there are none.

    Returns:
        plain values for json; all but the confusion ratio in percent, 4 decimals, null where they
        are not defined.
    """
    total = int(matrix.sum())
    counts = LabelCounts.of(matrix)
    rates = {
        "iou": counts.iou(),
        "fpr": counts.fpr(),
        "fnr": counts.fnr(),
        "confusion_ratio": counts.confusion_ratio(),
    }
    entry: dict[str, Any] = {
        "list": manifest.list_names[list_name],
        "ground_truth": manifest.ground_truth,
        "images": images,
        "miou": rounded(mean_over_labels(rates["iou"])),
        "accuracy": rounded(100.0 * float(np.trace(matrix)) / total) if total else None,
        "threshold": dict(threshold) if threshold else None,
        **{rate: _by_class(manifest, values) for rate, values in rates.items()},
        "means": {
            "all": {rate: rounded(mean_over_labels(v)) for rate, v in rates.items()},
            "foreground": {rate: rounded(mean_over_labels(v[1:])) for rate, v in rates.items()},
        },
    }
    companions = on_companions(matrix, manifest, list_name)
    if companions:
        entry["on_companions"] = {
            name: {other: rounded(share) for other, share in shares.items()}
            for name, shares in companions.items()
        }
    if pairs:
        entry["pairs"] = [dict(pair) for pair in pairs]
    if curve is not None:
        entry["curve"] = {f"{t:.2f}": rounded(value) for t, value in curve.items()}
    if not images and why is not None:
        entry["why"] = why
    elif not images:
        what = "has no ground-truth masks" if manifest.lists[list_name] else "is empty"
        entry["why"] = f"the list {manifest.list_names[list_name]!r} {what}"
    return entry


def rounded(value: float | None) -> float | None:
    """Four decimals for a json file; None for None, NaN and what is infinite."""
    return None if value is None or not math.isfinite(value) else round(float(value), 4)


def _by_class(manifest: Manifest, values: np.ndarray) -> dict[str, float | None]:
    names = manifest.class_names
    return {name: rounded(value) for name, value in zip(names, values, strict=True)}


def write_scores(
    path: str | os.PathLike[str],
    *,
    run: str,
    round_index: int,
    stage: str,
    lists: Mapping[str, Mapping[str, Any]],
    confounding: Mapping[str, Any] | None = None,
) -> None:
    """Write a scores json, whole or not at all.

    Args:
        path: of the file.
        run: name of the run.
        round_index: the round.
        stage: cam, refined, pseudo_masks, segmentation or segmentation_crf.
        lists: "train" and "val" -> an entry of :func:`score_entry`.
        confounding: diagnostics by list, left out where there are none.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "run": run,
        "round": round_index,
        "stage": stage,
        "lists": lists,
    }
    if confounding:
        content["confounding"] = confounding
    write_json(path, content)


def read_scores(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a scores json.

    Raises:
        ContaError: missing, unreadable, or of another format or version.
    """
    return read_format(
        path,
        FORMAT,
        FORMAT_VERSION,
        SCORES,
        what="a scores file",
        mend="delete it and let the workflow make it again",
    )
