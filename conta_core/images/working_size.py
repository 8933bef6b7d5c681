"""The size at which stages read a photograph, where it is larger than they need."""

from __future__ import annotations


def working_size(size: tuple[int, int], long_side: int | None) -> tuple[int, int]:
    """Height and width of which the longer is at most ``long_side``, in the same proportion.

    Args:
        size: height and width of the photograph, pixels.
        long_side: in pixels; None: no limit.
    """
    longest = max(size)
    if long_side is None or longest <= long_side:
        return size
    height, width = (max(1, round(side * long_side / longest)) for side in size)
    return height, width
