"""The faults that a run must survive: each ends in the right result or in one clear error.

python tests/faults            all of them, 50 kills
python tests/faults --kills 5  fewer kills
python tests/faults --write    and their rows of the table in docs/reliability.md
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from bench import ERROR, RIGHT, WRONG, Bench, Tally
from clocks import backwards
from disks import full_disk, read_only
from dying_processes import dying_workers, not_finite, two_runs
from kills import kills
from spoiled_stores import flipped, truncated

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
#: letters of a commit
ABBREVIATED = 7
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many SIGKILLs")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments and places")
    parser.add_argument("--only", nargs="*", help="names of faults")
    parser.add_argument("--write", action="store_true", help=f"their rows in {PAGE.name}")
    options = parser.parse_args(arguments)
    draw = random.Random(options.seed)
    faults = {
        "truncated": lambda bench: truncated(bench, draw),
        "flipped": lambda bench: flipped(bench, draw),
        "full-disk": full_disk,
        "read-only": read_only,
        "two-runs": two_runs,
        "dying-workers": dying_workers,
        "not-finite": not_finite,
        "backwards": backwards,
        "kills": lambda bench: kills(bench, options.kills, draw),
    }
    folder = Path(tempfile.mkdtemp(prefix="conta-faults-"))
    tallies: list[Tally] = []
    try:
        bench = Bench(folder)
        for name, fault in faults.items():
            if options.only and name not in options.only:
                continue
            started = time.monotonic()
            tally = fault(bench)
            tallies.append(tally)
            if options.write:
                write_rows([tally])
            print(f"{name}: {dict(tally.counts)}, {time.monotonic() - started:.0f} s", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(row(tally) for tally in tallies))
    return int(any(tally.counts[WRONG] for tally in tallies))


def row(tally: Tally) -> str:
    """A row of the table: what was tried, what came of it, and with which code."""
    counts = " | ".join(str(tally.counts[outcome]) for outcome in (RIGHT, ERROR, WRONG))
    name = f"{tally.fault} | {tally.how}"
    return f"| {name} | {tally.counts.total()} | {counts} | {commit()} |"


def table(rows: Iterable[str]) -> str:
    """As markdown."""
    head = [
        "| fault | how | tried | right result | clear error | wrong | commit |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    return "\n".join([*head, *rows])


def write_rows(tallies: Sequence[Tally]) -> None:
    """Put rows into the page in place of those of the same faults; the others stay."""
    before, rest = PAGE.read_text().split(BEGIN)
    old, after = rest.split(END)
    rows = {line.split("|")[1].strip(): line for line in old.strip().splitlines()[2:]}
    rows |= {tally.fault: row(tally) for tally in tallies}
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows.values())}\n{END}{after}")


@cache
def commit() -> str:
    """Of the code that is tried; marked where it has changes of its own."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*", f"--abbrev={ABBREVIATED}"]
    found = subprocess.run(words, cwd=PAGE.parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
