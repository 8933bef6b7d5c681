"""The page as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from conta_core.manifest import Manifest
from conta_core.report.pictures import pictures_section
from conta_core.report.sections import classes_section, confounding_section, scores_section
from conta_core.report.style import STYLE


def render_report(
    summary: Mapping[str, Any], manifest: Manifest, rounds: Sequence[Mapping[str, Any]]
) -> str:
    """The page: tables, curves over rounds, and strips of pictures.

    It loads nothing: styles, curves (SVG) and pictures are in it.

    Args:
        summary: content of summary.json.
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Returns:
        html; the same bytes for the same input.

    Raises:
        ContaError: a file that a picture is made of is missing or broken.
    """
    title = f"Conta: {summary['run']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Data set {escape(summary['dataset'])}, {len(summary['classes'])} classes, "
        f"{summary['rounds']} rounds. Ground truth: "
        f"{escape(summary['ground_truth'] or 'none')}. All scores are mIoU in percent, background "
        "included, over the whole list and over the labels that occur in it.</p>",
        *scores_section(summary),
        *confounding_section(summary),
        *classes_section(summary),
        *pictures_section(manifest, rounds),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style>'
    )
    content = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n'
        f"<body><main>\n{content}\n</main></body></html>\n"
    )
