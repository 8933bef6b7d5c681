"""Two rounds, or two runs round by round, file by file."""

from __future__ import annotations

import filecmp
from pathlib import Path

from conta_core.differences.comparison import FolderComparison, ImageComparison, ScoreComparison
from conta_core.differences.images import Track, compare_masks, compare_stores
from conta_core.differences.scores import compare_scores

#: the files of a round, in the order in which they are made
ROUND_FILES = (
    "cam/model.safetensors",
    "cam/cams.h5",
    "irn/labels.h5",
    "irn/model.safetensors",
    "irn/refined.h5",
    "pseudo_masks",
    "segmentation/model.safetensors",
    "segmentation/train_masks.h5",
    "segmentation/logits.h5",
    "context/confounders.h5",
    "context/context.h5",
    "scores/cam.json",
    "scores/refined.json",
    "scores/pseudo_masks.json",
    "scores/segmentation.json",
    "scores/segmentation_crf.json",
)
Found = ImageComparison | ScoreComparison | bool


def compare_rounds(
    a: Path, b: Path, *, scores_only: bool = False, track: Track = lambda ids, _: ids
) -> FolderComparison:
    """Compare the folders of two rounds, of one run or of two.

    Args:
        a: the first, e.g. ``results/conta/round-0``.
        b: the second.
        scores_only: leave out all but the scores.
        track: shows how far a store is.

    Raises:
        ContaError: a file is damaged, or those of one name are not to be compared.
    """
    names = [n for n in ROUND_FILES if n.startswith("scores/") or not scores_only]
    files: dict[str, Found] = {
        name: _compare(a / name, b / name, track)
        for name in names
        if (a / name).exists() and (b / name).exists()
    }
    return FolderComparison(
        what="rounds",
        files=files,
        only_a=[n for n in names if (a / n).exists() and not (b / n).exists()],
        only_b=[n for n in names if (b / n).exists() and not (a / n).exists()],
    )


def compare_runs(
    a: Path, b: Path, *, scores_only: bool = False, track: Track = lambda ids, _: ids
) -> FolderComparison:
    """Compare two runs: each round with the one of the same number; as :func:`compare_rounds`."""
    rounds = [_rounds(path) for path in (a, b)]
    files: dict[str, Found] = {}
    only_a = [name for name in rounds[0] if name not in rounds[1]]
    only_b = [name for name in rounds[1] if name not in rounds[0]]
    for name in rounds[0]:
        if name not in rounds[1]:
            continue
        found = compare_rounds(a / name, b / name, scores_only=scores_only, track=track)
        files |= {f"{name}/{file}": one for file, one in found.files.items()}
        only_a += [f"{name}/{file}" for file in found.only_a]
        only_b += [f"{name}/{file}" for file in found.only_b]
    return FolderComparison(what="runs", files=files, only_a=only_a, only_b=only_b)


def _rounds(run: Path) -> list[str]:
    found = [path.name for path in run.glob("round-*") if path.name[6:].isdigit()]
    return sorted(found, key=lambda name: int(name[6:]))


def _compare(a: Path, b: Path, track: Track) -> Found:
    if a.suffix == ".safetensors":
        return filecmp.cmp(a, b, shallow=False)
    if a.suffix == ".json":
        return compare_scores(a, b)
    return compare_stores(a, b, track) if a.suffix == ".h5" else compare_masks(a, b, track)
