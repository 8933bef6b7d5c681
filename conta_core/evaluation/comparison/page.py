"""comparison.html: figures and tables on one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from conta_core.evaluation.comparison.figures import OVER_ROUNDS, plot_differences, plot_rounds
from conta_core.evaluation.comparison.results import Results
from conta_core.evaluation.comparison.tables import Part, Section, Table
from conta_core.evaluation.report.html_pieces import section, table
from conta_core.evaluation.report.page import whole_page
from conta_core.evaluation.report.plots import plot_row


def render_page(title: str, words: str, sections: Sequence[Section], results: Results) -> str:
    """The whole page.

    Args:
        title: its heading.
        words: below it.
        sections: of :func:`conta_core.evaluation.comparison.tables.all_sections`.
        results: what the figures are drawn of.

    Returns:
        html; the same bytes for the same input.
    """
    body = [section("figures", "At a glance", plot_row(_plots(results)))]
    for number, one in enumerate(sections):
        body.append(section(f"part-{number}", one.title, [_part(part) for part in one.parts]))
    return whole_page(title, [f"<p>{escape(words)}</p>"], body)


def _plots(results: Results) -> list[str]:
    last = results.rounds - 1
    levels = results.design.levels
    plots = [plot_differences(results, level, last) for level in levels if last > 0]
    for level in levels:
        plots += [plot_rounds(results, level, stage, split) for stage, split in OVER_ROUNDS]
    return [plot for plot in plots if plot]


def _part(part: Part) -> str:
    if isinstance(part, Table):
        return table(part.rows, part.caption, text=1)
    return f"<p>{escape(part)}</p>"
