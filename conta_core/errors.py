"""What this library raises for what a user can mend."""

from __future__ import annotations

from collections.abc import Sequence


class ContaError(Exception):
    """A problem with a file, an image id or a config key.

    The message names the file, id or key, what was found, what was expected and
    the mend. Stages let it through; the workflow prints it without a traceback.
    """


class ProblemsError(ContaError):
    """Several problems of one thing, told together.

    Attributes:
        problems: each by itself, all of them.
    """

    #: how many the message spells out
    MAX_LISTED = 20

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = "".join(f"\n  - {problem}" for problem in problems[: self.MAX_LISTED])
        more = len(problems) - self.MAX_LISTED
        rest = f"\n  ... and {more} more" if more > 0 else ""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{what}: {count}{shown}{rest}")
