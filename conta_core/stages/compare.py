"""compare: what the arms of a comparison differ by, as json, as Markdown and as a page."""

from __future__ import annotations

from collections.abc import Sequence

from conta_core.evaluation.comparison.design import Design
from conta_core.evaluation.comparison.markdown import render_markdown
from conta_core.evaluation.comparison.page import render_page
from conta_core.evaluation.comparison.results import gather_results, write_results
from conta_core.evaluation.comparison.tables import all_sections
from conta_core.evaluation.report.benchmarks import read_benchmarks
from conta_core.evaluation.summary import read_summary
from conta_core.storage.atomic import replace_when_done

WORDS = (
    "Runs of one level and seed are a pair: they share data, draws and round 0. mIoU in percent. "
    "A 95 % interval that excludes 0 is marked; where nothing differs, one in 20 does by chance."
)


def compare(
    *, design: Design, summaries: Sequence[str], benchmarks: str, output: str, table: str, page: str
) -> None:
    """Compare the runs of a comparison.

    Args:
        design: its runs.
        summaries: paths of their summary.json, in the order of the design.
        benchmarks: folder of Snakemake's benchmark files; what is not there is left out.
        output: path of comparison.json.
        table: path of comparison.md.
        page: path of comparison.html.

    Raises:
        ContaError: a summary is missing or broken, or of another run.
    """
    runs = [member.run for member in design.members]
    found = {run: read_summary(path) for run, path in zip(runs, summaries, strict=True)}
    seconds = {run: _seconds(benchmarks, run, found[run]["rounds"]) for run in runs}
    results = gather_results(design, found, seconds)
    sections = all_sections(results)
    title = f"Comparison {design.name}: {results.data['dataset']}"
    with replace_when_done(table) as temporary:
        temporary.write_text(render_markdown(title, WORDS, sections), encoding="utf-8")
    with replace_when_done(page) as temporary:
        temporary.write_text(render_page(title, WORDS, sections, results), encoding="utf-8")
    write_results(output, results)


def _seconds(benchmarks: str, run: str, rounds: int) -> dict[int, float]:
    """Round -> seconds of train_cam, as far as they were noted."""
    measured = read_benchmarks(benchmarks, run, rounds).measured
    places = {index: measured.get(("train_cam", index)) for index in range(rounds)}
    return {index: one.seconds for index, one in places.items() if one is not None}
