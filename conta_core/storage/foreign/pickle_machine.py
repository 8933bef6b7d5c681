"""Reading a pickle without running anything of it.

A pickle is a program for a stack machine. Python's own machine imports whatever the program names
and calls it. This one imports nothing: a name is looked up in a table that its caller gives, and
what is not in the table is refused by its name. The standard library's `pickletools` splits the
program into instructions, and does no more.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from conta_core.storage.foreign.limits import Budget, RefusedError
from conta_core.storage.foreign.plain_values import (
    Maker,
    Name,
    Names,
    described,
    require_bounded,
    require_keys,
    require_kind,
)

_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_BYTES = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_WRITTEN_OUT = _NUMBERS | _TEXTS | _BYTES
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass
class Unfinished:
    """A value that a program makes in two steps: first empty, then with its state.

    Attributes:
        finish: makes the value of its state.
        places: of the memo that hold it.
    """

    finish: Maker
    places: list[int] = field(default_factory=list)


def run_pickle(
    stream: BinaryIO, names: Names, budget: Budget, persistent: Maker | None = None
) -> Any:
    """The value of the pickle that begins where a stream stands; the stream then stands behind it.

    Args:
        stream: of bytes in memory, so that no instruction can ask for more than there is.
        names: what the pickle may name.
        budget: of the file.
        persistent: makes a value of a persistent id; None: there are none.

    Returns:
        Plain values and what ``names`` make. A list may hold itself.

    Raises:
        RefusedError: another name or instruction, or more than the budget.
        Exception: damaged bytes fail in many ways.
    """
    machine = _Machine(names, budget, persistent)
    for instruction, argument, _ in pickletools.genops(stream):
        budget.take_step()
        machine.step(instruction.name, argument)
    return machine.pop()


class _Machine:
    """The stack, its marks and the memo."""

    def __init__(self, names: Names, budget: Budget, persistent: Maker | None) -> None:
        self._names, self._budget, self._persistent = names, budget, persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:
        """Take the uppermost value."""
        if not self._stack:
            raise RefusedError("its pickle takes a value from an empty stack")
        return self._stack.pop()

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        if name in _WRITTEN_OUT:
            self._push(require_bounded(argument))
        elif name in _CONSTANTS:
            self._push(_CONSTANTS[name])
        elif name in _EMPTY:
            self._push(_EMPTY[name]())
        elif name in _TUPLES:
            self._push(tuple(self._pop_many(_TUPLES[name])))
        else:
            self._step(name, argument)

    def _step(self, name: str, argument: Any) -> None:
        match name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                self._marks.append(len(self._stack))
            case "POP" if self._marks and self._marks[-1] == len(self._stack):
                self._marks.pop()
            case "POP":
                self.pop()
            case "POP_MARK":
                self._pop_mark()
            case "DUP":
                self._push(self._top())
            case "TUPLE":
                self._push(tuple(self._pop_mark()))
            case "LIST":
                self._push(self._pop_mark())
            case "APPEND":
                self._extend([self.pop()])
            case "APPENDS":
                self._extend(self._pop_mark())
            case "DICT":
                items = self._pop_mark()
                self._push({})
                self._set(items)
            case "SETITEM":
                self._set(self._pop_many(2))
            case "SETITEMS":
                self._set(self._pop_mark())
            case "ADDITEMS":
                self._add(self._pop_mark())
            case "FROZENSET":
                self._push(frozenset(require_keys(self._pop_mark())))
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._remember(argument)
            case "MEMOIZE":
                self._remember(len(self._memo))
            case "GET" | "BINGET" | "LONG_BINGET":
                self._push(self._memo[argument])
            case "GLOBAL":
                self._push(self._named(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                self._push(self._named(*self._pop_many(2)))
            case "REDUCE":
                self._reduce()
            case "BUILD":
                self._build()
            case "BINPERSID" if self._persistent is not None:
                self._push(self._persistent(self.pop()))
            case _:
                raise RefusedError(
                    f"its pickle has the instruction {name}, expected only those that make arrays, "
                    "tensors and plain values"
                )

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _top(self) -> Any:
        if not self._stack:
            raise RefusedError("its pickle looks at an empty stack")
        return self._stack[-1]

    def _pop_many(self, count: int) -> list[Any]:
        """The uppermost values, the lowest first."""
        return [self.pop() for _ in range(count)][::-1]

    def _pop_mark(self) -> list[Any]:
        """The values above the last mark, the lowest first."""
        if not self._marks:
            raise RefusedError("its pickle asks for a mark that it did not set")
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    def _remember(self, place: int) -> None:
        value = self._top()
        self._memo[place] = value
        if isinstance(value, Unfinished):
            value.places.append(place)

    def _extend(self, values: list[Any]) -> None:
        require_kind(self._top(), list).extend(values)

    def _set(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise RefusedError("its pickle gives a dict a key without a value")
        require_kind(self._top(), dict).update(
            zip(require_keys(items[::2]), items[1::2], strict=True)
        )

    def _add(self, values: list[Any]) -> None:
        require_kind(self._top(), set).update(require_keys(values))

    def _named(self, module: Any, name: Any) -> Name:
        whole = f"{require_kind(module, str)}.{require_kind(name, str)}"
        if whole not in self._names:
            raise RefusedError(
                f"it holds {whole[:100]!r}, and code in a file is not run; expected arrays, "
                "tensors, numbers, text, and lists, tuples and dicts of them"
            )
        return Name(whole, self._names[whole])

    def _reduce(self) -> None:
        called, arguments = self._pop_many(2)
        if not isinstance(called, Name) or called.make is None:
            raise RefusedError(f"its pickle calls {described(called)}, which makes no value")
        self._push(called.make(*require_kind(arguments, tuple)))

    def _build(self) -> None:
        state, begun = self.pop(), self.pop()
        if not isinstance(begun, Unfinished):
            raise RefusedError(f"its pickle gives a state to {described(begun)}, which has none")
        value = begun.finish(*require_kind(state, tuple))
        for place in begun.places:
            self._memo[place] = value
        self._push(value)
