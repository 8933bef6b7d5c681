"""What every group of settings is made of: its class, its types, a check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
#: of a run or an arm; it becomes part of paths
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Settings(BaseModel):
    """A closed, immutable group of settings: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def check_range(key: str, limits: tuple[float, float]) -> None:
    """Refuse a range whose ends stand the wrong way round.

    Args:
        key: names it in the message.
        limits: its first and its last number.

    Raises:
        ValueError: the first number exceeds the last.
    """
    if limits[0] > limits[1]:
        raise ValueError(f"{key} is {list(limits)}; the first number must not exceed the second")


def leaves(values: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of all that is no mapping in nested mappings."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", value
