"""The section of times and memory.

Its element is the only one whose content differs between two runs of the same experiment: it has
the id ``times``, and holds no other section.
"""

from __future__ import annotations

from conta_core.evaluation.report.benchmarks import BEFORE, IN_ROUNDS, Benchmarks, Measured
from conta_core.evaluation.report.pieces import Section, Shaded, Table


def times_section(benchmarks: Benchmarks, rounds: int) -> Section:
    """Times and memory of each stage, by round.

    Args:
        benchmarks: of the run.
        rounds: how many.
    """
    measured = benchmarks.measured
    tables = []
    before = [(rule, measured[rule, None]) for rule in BEFORE if (rule, None) in measured]
    if before:
        rows = [[rule, duration(one.seconds), _memory(one)] for rule, one in before]
        tables.append(Table("before the rounds", [["stage", "time", "memory"], *rows]))
    if measured:
        tables.append(_by_round(benchmarks, rounds))
    values = {
        "tables": tables,
        "total": duration(sum(one.seconds for one in measured.values())),
        "missing": benchmarks.missing,
    }
    return Section("times", "Times and memory", "times.html", values)


def _by_round(benchmarks: Benchmarks, rounds: int) -> Table:
    measured = benchmarks.measured
    longest = max((m.seconds for (_, index), m in measured.items() if index is not None), default=0)
    groups = [("", 1), *((f"round {index}", 2) for index in range(rounds)), ("", 1)]
    rows: list[list[str]] = [["stage", *["time", "memory"] * rounds, "all rounds"]]
    for rule in IN_ROUNDS:
        found = [measured.get((rule, index)) for index in range(rounds)]
        if not any(found):
            continue
        several = max(one.jobs for one in found if one)
        row: list[str] = [rule + (f", {several} jobs" if several > 1 else "")]
        for one in found:
            share = one.seconds / max(longest, 1e-9) if one else 0.0
            row += [Shaded(duration(one.seconds), share), _memory(one)] if one else ["-", "-"]
        rows.append([*row, duration(sum(one.seconds for one in found if one))])
    last: list[str] = ["all stages"]
    of_round = [[m for (_, index), m in measured.items() if index == i] for i in range(rounds)]
    for ones in of_round:
        last += [duration(sum(one.seconds for one in ones)), _memory(*ones)]
    last.append(duration(sum(one.seconds for ones in of_round for one in ones)))
    return Table("by round", [*rows, last], groups=groups, style="totals")


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
