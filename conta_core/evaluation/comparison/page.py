"""comparison.html: figures and tables on one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

from conta_core.evaluation.comparison.figures import OVER_ROUNDS, plot_differences, plot_rounds
from conta_core.evaluation.comparison.results import Results
from conta_core.evaluation.comparison.tables import Section
from conta_core.evaluation.report.pieces import Section as PageSection
from conta_core.evaluation.report.templates import render


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
    last = results.rounds - 1
    levels = results.design.levels
    plots = [plot_differences(results, level, last) for level in levels if last > 0]
    for level in levels:
        plots += [plot_rounds(results, level, stage, split) for stage, split in OVER_ROUNDS]
    values = {"plots": [plot for plot in plots if plot]}
    glance = PageSection("figures", "At a glance", "comparison_plots.html", values)
    parts = [
        PageSection(f"part-{number}", one.title, "comparison_part.html", {"parts": one.parts})
        for number, one in enumerate(sections)
    ]
    return render("comparison.html", title=title, words=words, sections=[glance, *parts])
