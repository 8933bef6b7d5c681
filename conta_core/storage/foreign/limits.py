"""What a foreign file may cost, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass

#: instructions of the pickles of a file; a file of CAMs has a few hundred
MAX_STEPS = 50_000


class RefusedError(ValueError):
    """A file holds what is not read.

    Args:
        text: what was found, and what was expected.
        mend: what the user can do; empty: what the caller says.
    """

    def __init__(self, text: str, mend: str = "") -> None:
        super().__init__(text)
        self.mend = mend


@dataclass
class Budget:
    """What the reading of one file may still use.

    A small file can ask for much: by a size that it declares, by compression, or by the same bytes
    read again and again. All parts of a file draw on one budget.

    Attributes:
        bytes: that arrays and unpacked parts may still take.
        steps: that pickles may still make.
    """

    bytes: int
    steps: int = MAX_STEPS

    def take_bytes(self, count: int, what: str) -> None:
        """Raise RefusedError unless so many bytes are left."""
        if not 0 <= count <= self.bytes:
            raise RefusedError(
                f"{what} declares {count:,} bytes, expected at most {self.bytes:,} more for an "
                "image of this size"
            )
        self.bytes -= count

    def take_step(self) -> None:
        """Raise RefusedError unless a step is left."""
        self.steps -= 1
        if self.steps < 0:
            raise RefusedError(f"its pickle has more than {MAX_STEPS:,} instructions")
