"""Inputs for fuzz tests, and what a reader may do with them.

The inputs are the same at every run (derandomised). Two ways to make them: bytes of a valid file
that are changed, and values of a valid file that are replaced, so that a reader is entered deeply.
"""

from __future__ import annotations

import contextlib
import copy
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from conta_core.errors import ContaError

#: of each reader, at least
INPUTS = 2000
#: of one input; reading a valid one takes milliseconds
SECONDS = 30

fuzz = settings(
    max_examples=INPUTS,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

#: stands for lists in lists, deeper than json.dumps can write
DEEP = "@deep@"

#: what breaks readers of text
TOKENS = (
    b"", b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b"\r", b'"', b"'", b"{", b"}", b"[",
    b"]", b",", b":", b";", b"<", b">", b"&", b"../", b"/", b"\\", b"\\ud800", b"NaN", b"Infinity",
    b"1e999", b"-1", b"9" * 30, b"9" * 5000, b"null", b"true", b"[" * 3000, b"\xf0\x9f\x92\xa9",
    b"\x80", b"A" * 300, b"*a", b"!!int", b"!!python/object/apply:os.system [id]", b"---\n", b"\t",
)  # fmt: skip


class HangError(BaseException):
    """A reader took too long; not an Exception, so that none takes it for bad input."""


def mutated(*valid: bytes) -> st.SearchStrategy[bytes]:
    """One of the valid files with 1 to 6 changes: flip, insert, delete, repeat, cut off."""
    position = st.integers(0, max(map(len, valid)))
    change = st.tuples(
        st.sampled_from(["flip", "flip", "insert", "token", "delete", "repeat", "cut"]),
        position,
        st.integers(0, 64),
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(TOKENS)),
    )
    return st.builds(_change, st.sampled_from(valid), st.lists(change, min_size=1, max_size=6))


def _change(valid: bytes, changes: list[tuple[str, int, int, bytes]]) -> bytes:
    data = bytearray(valid)
    for kind, position, length, new in changes:
        start = position % (len(data) + 1)
        end = start + length
        if kind == "flip":
            data[start : start + 1] = new[:1]
        elif kind in ("insert", "token"):
            data[start:start] = new
        elif kind == "delete":
            del data[start:end]
        elif kind == "repeat":
            data[start:start] = data[start:end]
        else:
            del data[max(start, 1) :]
    return bytes(data)


def odd_values() -> st.SearchStrategy[Any]:
    """Values of every type that JSON and YAML have, the extreme ones often."""
    extreme = st.sampled_from(
        [None, True, False, 0, -1, 1, 256, 2**31, 2**63, 10**400, -(10**30), 0.5, -0.0, 1e308,
         float("nan"), float("inf"), "", "..", "/", "../../x", "/etc/passwd", "a\0b", "a\nb", ".a",
         "\ud800", "\N{PILE OF POO}", "x" * 5000, DEEP, [], {}, [[]], {"": None}, [None], [0.5],
         "train", "val", "1", "cat", "a"]
    )  # fmt: skip
    plain = st.one_of(
        extreme, st.integers(), st.floats(), st.text(max_size=8), st.booleans(), st.none()
    )
    return st.one_of(
        extreme,
        plain,
        st.lists(plain, max_size=3),
        st.dictionaries(st.text(max_size=4), plain, max_size=3),
    )


def altered(valid: Any) -> st.SearchStrategy[Any]:
    """Nested plain values of which 1 to 4 are replaced, removed, renamed or repeated."""
    change = st.tuples(
        st.sampled_from(["replace", "replace", "replace", "remove", "rename", "repeat", "add"]),
        st.integers(0, 2**16),
        odd_values(),
    )
    return st.builds(_alter, st.just(valid), st.lists(change, min_size=1, max_size=4))


def _alter(valid: Any, changes: list[tuple[str, int, Any]]) -> Any:
    root = [copy.deepcopy(valid)]
    for kind, number, drawn in changes:
        value = copy.deepcopy(drawn)
        places = list(_places(root))
        holder, key = places[number % len(places)]
        if kind == "replace" or holder is root:
            holder[key] = value
        elif kind == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            new = value if isinstance(value, str) else f"{key}x"
            holder[new] = copy.deepcopy(holder[key]) if kind == "repeat" else value
            if kind == "rename":
                holder[new] = holder.pop(key, value)
        else:
            holder.insert(key, copy.deepcopy(holder[key]) if kind == "repeat" else value)
    return root[0]


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    items = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in list(items):
        yield holder, key
        if isinstance(value, dict | list):
            yield from _places(value)


def json_files(valid: Any) -> st.SearchStrategy[bytes]:
    """JSON with altered values, or a valid file with changed bytes."""
    return st.one_of(altered(valid).map(dump_json), mutated(dump_json(valid)))


def dump_json(values: Any) -> bytes:
    """Values as JSON, NaN and all."""
    deep = "[" * 5000 + "]" * 5000
    return json.dumps(values).replace(f'"{DEEP}"', deep).encode()


@contextmanager
def reads_or_refuses() -> Iterator[None]:
    """The reading inside ends well or in the reader's own error, and in time."""
    previous = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.suppress(ContaError):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def refuses_or_reads_file(path: Path, data: bytes, read: Callable[[Path], object]) -> None:
    """Write the bytes, read the file; an error names it."""
    path.write_bytes(data)
    with reads_or_refuses():
        try:
            read(path)
        except ContaError as error:
            text = str(error)
        else:
            return
        named = (path.name, path.stem, f"{path.parents[1]}: ")
        assert any(name in text for name in named), text


def _hangs(*_: object) -> None:
    raise HangError(f"no end after {SECONDS} s")
