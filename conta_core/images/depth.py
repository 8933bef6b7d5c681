"""Pixels of more than 8 bits, as 8 bits: by the range of their type or of their values."""

from __future__ import annotations

import numpy as np

#: what cameras and scanners fill of 16 bits; the first that holds the largest value is taken
BITS = (8, 10, 12, 14, 16)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Values of any number type as uint8, never cut off.

    Whole numbers up to 65,535 count as numbers of the fewest :data:`BITS` that hold the largest
    of them, and keep their upper 8 bits: 12 bits in a file of 16 are no night scene. Larger or
    negative ones, and floating-point numbers outside of 0..1, are scaled from their least to
    their greatest value. Floating-point numbers of 0..1 are shares of white.

    Args:
        values: of one image, (H, W) or (H, W, 3).

    Returns:
        uint8 of the same shape.

    Raises:
        ValueError: a value that is no finite number.
    """
    if values.dtype == np.uint8 or values.size == 0:
        return values.astype(np.uint8)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no finite number; expected grey values")
    least, greatest = values.min(), values.max()
    if np.issubdtype(values.dtype, np.integer) and least >= 0 and greatest < 2**16:
        return (values >> (bits_of(int(greatest)) - 8)).astype(np.uint8)
    numbers = values.astype(np.float64)
    if np.issubdtype(values.dtype, np.floating) and least >= 0 and greatest <= 1:
        return np.rint(numbers * 255).astype(np.uint8)
    low, high = float(least), float(greatest)
    spread = high - low
    return np.rint((numbers - low) * (255 / spread if spread else 0)).astype(np.uint8)


def bits_of(greatest: int) -> int:
    """How many bits the values of an image have whose largest is ``greatest``, 0..65535."""
    return next(bits for bits in BITS if greatest < 2**bits)
