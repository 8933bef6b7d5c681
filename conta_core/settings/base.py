"""What every group of settings is made of: its class, its types, a check."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from conta_core.errors import ContaError

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
#: of a run or an arm; it becomes part of paths
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
#: of a user's file or folder; ``~`` is their home
UserPath = Annotated[str, AfterValidator(os.path.expanduser)]
Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Settings(BaseModel):
    """A closed, immutable group of settings: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def without_defaults(self) -> Self:
        """Forget every key that was not given, of its groups too: reading one is an error then.

        A stage gets the keys that its rule's params name. A default in the place of a key that
        they forget would be trained with, and a change of that key would make nothing stale.

        Returns:
            The group itself.
        """
        for name in type(self).model_fields:
            if name not in self.model_fields_set:
                del self.__dict__[name]
            elif isinstance(value := self.__dict__[name], Settings):
                value.without_defaults()
        return self

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The values as plain ones; a key that ``include`` names must have been given."""
        for name in options.get("include") or ():
            getattr(self, name)
        return super().model_dump(**options)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there: a key that was forgotten, or no key at all."""
            if name in type(self).model_fields:
                raise ContaError(
                    f"{type(self).__name__}.{name}: the stage reads this key, but its rule's "
                    "params do not name it; add it to the keys of the stage in "
                    "conta_core/workflow/stages.py, or of the method in conta_core/causal/methods"
                )
            return super().__getattr__(name)


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
