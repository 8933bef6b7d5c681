"""A registry: what a setting chooses by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, TypeVar

from conta_core.errors import ContaError

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Choice:
    """An entry of a registry that is imported when it is asked for.

    So the config can be read without torch, and a package can be told of what stands above it. The
    staleness fingerprint follows both names: give them as plain strings.

    Attributes:
        code: dotted name of a class or a function of this package.
        settings: dotted name of its class of settings; None: it has none of its own.
    """

    code: str
    settings: str | None = None

    def load_code(self) -> Any:
        """The class or the function."""
        return _load(self.code)

    def load_settings(self) -> Any:
        """The class of settings; None: there is none."""
        return None if self.settings is None else _load(self.settings)


def _load(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return resolve_name(f"{module}:{name}")


class Registry(Mapping[str, Entry]):
    """Entries by the names that a setting gives them.

    The staleness fingerprint counts an entry only for the runs whose settings name it, so that a
    new entry, or a change of another one, makes no finished run stale. It reads the entries from
    the source: give them as one dict display with plain strings as keys, where the registry is
    made.

    Args:
        what: the key of the config that chooses an entry, such as ``context.method``; ``backbone``
            stands for every key that ends with it.
        entries: name -> entry. A name that ends with ``:`` stands for all that begin with it, such
            as ``timm:`` for ``timm:convnext_tiny``.
    """

    def __init__(self, what: str, entries: Mapping[str, Entry]) -> None:
        self._what, self._entries = what, dict(entries)

    @property
    def key(self) -> str:
        """The last part of the config key that chooses an entry, such as ``method``."""
        return self._what.rpartition(".")[2]

    def __getitem__(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            ContaError: there is none.
        """
        prefix = name.partition(":")[0] + ":"
        for key in (name, prefix):
            if key in self._entries:
                return self._entries[key]
        known = ", ".join(key + "<name>" if key.endswith(":") else key for key in self)
        raise ContaError(f"{self._what} is {name!r}; expected one of {known}")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (
            name in self._entries or name.partition(":")[0] + ":" in self._entries
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
