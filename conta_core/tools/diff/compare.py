"""Two paths of one kind."""

from __future__ import annotations

from pathlib import Path

from conta_core.errors import ContaError
from conta_core.tools.diff.comparison import Comparison
from conta_core.tools.diff.images import Track, compare_images
from conta_core.tools.diff.runs import compare_rounds, compare_runs
from conta_core.tools.diff.scores import compare_scores, compare_summaries
from conta_core.tools.inspect.recognise import FileKind, recognise


def compare(
    a: Path, b: Path, *, scores_only: bool = False, track: Track = lambda ids, _: ids
) -> Comparison:
    """Compare two stores, folders of masks, scores files, summaries, rounds or runs.

    Args:
        a: path of the first.
        b: path of the second, of the same kind.
        scores_only: of rounds and runs compare the scores alone.
        track: shows how far a store is.

    Raises:
        ContaError: one of them is nothing of the workflow's, damaged, or not of the other's kind.
    """
    kinds = recognise(a), recognise(b)
    if kinds[0] != kinds[1]:
        raise ContaError(
            f"{b}: a {kinds[1]}, expected a {kinds[0]} as {a}; name two files of one kind"
        )
    kind = kinds[0]
    if kind in (FileKind.STORE, FileKind.MASKS):
        return compare_images(a, b, track)
    if kind == FileKind.SCORES:
        return compare_scores(a, b)
    if kind == FileKind.SUMMARY:
        return compare_summaries(a, b)
    if kind == FileKind.ROUND:
        return compare_rounds(a, b, scores_only=scores_only, track=track)
    if kind == FileKind.RUN:
        return compare_runs(a, b, scores_only=scores_only, track=track)
    raise ContaError(
        f"{a}: a {kind}, which cannot be compared; name two stores, pseudo_masks folders, scores "
        "files, summary.json files, rounds or runs"
    )
