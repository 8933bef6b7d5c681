"""The plain values of a pickle, and what it may name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from conta_core.storage.foreign.limits import RefusedError

#: makes a value of the arguments that a program gives
Maker = Callable[..., Any]
#: name in a pickle, such as ``numpy.dtype`` -> what makes its values; None: it is only named
Names = Mapping[str, Maker | None]
#: of a whole number; torch's mark of its older files has 77
MAX_BITS = 128
#: what a key of a dict or an element of a set may be: hashing anything else could take for ever
KEYS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True)
class Name:
    """A name of the table, on the stack."""

    name: str
    make: Maker | None


def plain_names() -> Names:
    """What older versions of pickle name of Python's own values."""
    made: dict[str, Maker | None] = {}
    for module in ("builtins", "__builtin__"):
        made[f"{module}.bytes"] = _no_bytes
        made[f"{module}.set"] = lambda values: set(require_keys(require_kind(values, list)))
        made[f"{module}.frozenset"] = lambda values: frozenset(
            require_keys(require_kind(values, list))
        )
    return made


def _no_bytes() -> bytes:
    """Bytes that are not empty are written in another way."""
    return b""


def require_bounded(value: Any) -> Any:
    """The value that a pickle writes out, unless it is an absurd number."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise RefusedError(f"its pickle has a number of {value.bit_length()} bits")
    return value


def require_keys(values: list[Any]) -> list[Hashable]:
    """The values, each of which can be a key."""
    for value in values:
        if not isinstance(value, KEYS):
            raise RefusedError(
                f"its pickle has {described(value)} as a key, expected text or a number"
            )
    return values


def require_kind(value: Any, kind: type) -> Any:
    """The value, which must be of exactly this kind."""
    if type(value) is not kind:
        raise RefusedError(f"its pickle has {described(value)} in the place of a {kind.__name__}")
    return value


def described(value: Any) -> str:
    """What a value is, without what is in it: that may be endless."""
    return value.name if isinstance(value, Name) else f"a {type(value).__name__}"
