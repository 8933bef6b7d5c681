"""The section of times and memory.

Its element is the only one whose content differs between two runs of the same experiment: it has
the id ``times``, and holds no other section.
"""

from __future__ import annotations

from html import escape

from conta_core.evaluation.report.benchmarks import BEFORE, IN_ROUNDS, Benchmarks, Measured
from conta_core.evaluation.report.html_pieces import Cell, Shaded, details, section, table


def times_section(benchmarks: Benchmarks, rounds: int) -> str:
    """Times and memory of each stage, by round.

    Args:
        benchmarks: of the run.
        rounds: how many.

    Returns:
        html.
    """
    measured = benchmarks.measured
    missing = benchmarks.missing
    note = ""
    if missing:
        note = details(
            f"{len(missing)} benchmark files are not there, or cannot be read",
            [f"<ul>{''.join(f'<li>{escape(path)}</li>' for path in missing)}</ul>"],
        )
    if not measured:
        words = "No benchmarks: the workflow was run elsewhere, or they were deleted."
        return section("times", "Times and memory", [f"<p>{words}</p>", note])
    total = sum(one.seconds for one in measured.values())
    words = (
        "Wall time of a stage's jobs together, and the highest resident memory of any of them, as "
        "Snakemake measured them when each stage was last made: of a job that was killed and "
        "started again, the last attempt. Memory is sampled: of a job of less than a second it "
        f"says little. In all {duration(total)} of jobs."
    )
    parts = [f"<p>{words}</p>"]
    before = [(rule, measured[rule, None]) for rule in BEFORE if (rule, None) in measured]
    if before:
        rows: list[list[Cell]] = [["stage", "time", "memory"]]
        rows += [[rule, duration(one.seconds), _memory(one)] for rule, one in before]
        parts.append(table(rows, "before the rounds", text=1))
    parts.append(_by_round(benchmarks, rounds))
    return section("times", "Times and memory", [*parts, note])


def _by_round(benchmarks: Benchmarks, rounds: int) -> str:
    measured = benchmarks.measured
    longest = max((m.seconds for (_, index), m in measured.items() if index is not None), default=0)
    headings: list[Cell] = ["stage", *["time", "memory"] * rounds, "all rounds"]
    groups = [("", 1), *((f"round {index}", 2) for index in range(rounds)), ("", 1)]
    rows: list[list[Cell]] = [headings]
    for rule in IN_ROUNDS:
        found = [measured.get((rule, index)) for index in range(rounds)]
        if not any(found):
            continue
        several = max(one.jobs for one in found if one)
        row: list[Cell] = [rule + (f", {several} jobs" if several > 1 else "")]
        for one in found:
            share = one.seconds / max(longest, 1e-9) if one else 0.0
            row += [Shaded(duration(one.seconds), share), _memory(one)] if one else ["-", "-"]
        rows.append([*row, duration(sum(one.seconds for one in found if one))])
    last: list[Cell] = ["all stages"]
    of_round = [[m for (_, index), m in measured.items() if index == i] for i in range(rounds)]
    for ones in of_round:
        last += [duration(sum(one.seconds for one in ones)), _memory(*ones)]
    last.append(duration(sum(one.seconds for ones in of_round for one in ones)))
    return table([*rows, last], "by round", text=1, groups=groups, style="totals")


def duration(seconds: float) -> str:
    """A time for a table."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _memory(*measured: Measured) -> str:
    known = [one.memory for one in measured if one.memory is not None]
    return f"{max(known):,.0f} MB" if known else "-"
