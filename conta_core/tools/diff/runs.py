"""Two rounds, or two runs round by round, file by file."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import Any

from conta_core.evaluation.reliance import read_reliance
from conta_core.tools.diff.comparison import FolderComparison, ImageComparison, ScoreComparison
from conta_core.tools.diff.images import Track, compare_images
from conta_core.tools.diff.scores import compare_scores
from conta_core.workflow.run_folders import round_file, round_folder, rounds_there
from conta_core.workflow.stages import ROUND_FILES

RELIANCE = Path(ROUND_FILES["evaluate_reliance"]).name

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
    names = [n for n in ROUND_FILES.values() if n.startswith("scores/") or not scores_only]
    of_a, of_b = (
        {name: path for name in names if (path := round_file(folder, name)).exists()}
        for folder in (a, b)
    )
    return FolderComparison(
        what="rounds",
        files={n: _compare(of_a[n], of_b[n], track) for n in of_a if n in of_b},
        only_a=[name for name in of_a if name not in of_b],
        only_b=[name for name in of_b if name not in of_a],
    )


def compare_runs(
    a: Path, b: Path, *, scores_only: bool = False, track: Track = lambda ids, _: ids
) -> FolderComparison:
    """Compare two runs: each round with the one of the same number; as :func:`compare_rounds`."""
    rounds = [rounds_there(path) for path in (a, b)]
    files: dict[str, Found] = {}
    only_a = [f"round-{index}" for index in rounds[0] if index not in rounds[1]]
    only_b = [f"round-{index}" for index in rounds[1] if index not in rounds[0]]
    for index in rounds[0]:
        if index not in rounds[1]:
            continue
        of_a, of_b = round_folder(a, index), round_folder(b, index)
        found = compare_rounds(of_a, of_b, scores_only=scores_only, track=track)
        files |= {f"{of_a.name}/{file}": one for file, one in found.files.items()}
        only_a += [f"{of_a.name}/{file}" for file in found.only_a]
        only_b += [f"{of_a.name}/{file}" for file in found.only_b]
    return FolderComparison(what="runs", files=files, only_a=only_a, only_b=only_b)


def _compare(a: Path, b: Path, track: Track) -> Found:
    if a.suffix == ".safetensors":
        return filecmp.cmp(a, b, shallow=False)
    if a.name == RELIANCE:
        return _asked(a) == _asked(b)
    if a.suffix == ".json":
        return compare_scores(a, b)
    return compare_images(a, b, track)


def _asked(path: Path) -> dict[str, Any]:
    """What a reliance json says, but of which run and round."""
    content = read_reliance(path)
    return {key: value for key, value in content.items() if key not in ("run", "round")}
