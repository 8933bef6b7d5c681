"""The faults that a run must survive: each ends in the right result or in one clear error.

python tests/faults            all of them, 50 kills
python tests/faults --kills 5  fewer kills
python tests/faults --write    and the table of docs/reliability.md
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import ERROR, RIGHT, WRONG, Bench, Tally
from clocks import backwards
from disks import full_disk, read_only
from dying_processes import dying_workers, not_finite, two_runs
from kills import kills
from spoiled_stores import flipped, truncated

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many SIGKILLs")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments and places")
    parser.add_argument("--only", nargs="*", help="names of faults, as --list gives them")
    parser.add_argument("--write", action="store_true", help=f"the table of {PAGE.name}")
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
            tallies.append(fault(bench))
            tally = tallies[-1]
            print(f"{name}: {dict(tally.counts)}, {time.monotonic() - started:.0f} s", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(text := table(tallies))
    if options.write:
        before, rest = PAGE.read_text().split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
    return int(any(tally.counts[WRONG] for tally in tallies))


def table(tallies: Sequence[Tally]) -> str:
    """As markdown."""
    rows = [
        f"| {t.fault} | {t.how} | {t.counts.total()} | {t.counts[RIGHT]} | {t.counts[ERROR]} "
        f"| {t.counts[WRONG]} |"
        for t in tallies
    ]
    head = "| fault | how | tried | right result | clear error | wrong |\n|---|---|--:|--:|--:|--:|"
    return "\n".join([head, *rows])


if __name__ == "__main__":
    sys.exit(main())
