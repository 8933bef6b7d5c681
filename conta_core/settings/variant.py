"""A group of settings whose keys hang on a name in it, such as `cam` on `cam.method`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

from conta_core.runtime.registry import Choice, Registry
from conta_core.settings.base import Settings


@dataclass(frozen=True)
class Variant:
    """Marks a group as one of a registry's classes of settings.

    The classes are loaded when the group is validated for the first time.

    Attributes:
        registry: of :mod:`conta_core.settings.choices`.
        default: the name that a group has which gives none.
    """

    registry: Registry[Choice]
    default: str

    @property
    def key(self) -> str:
        """The key of the group that holds the name."""
        return self.registry.key

    def known_to(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of a group's values that a variant has keys for; all for an unknown name."""
        if name not in self.registry:
            return dict(values)
        known = self.settings(name).model_fields
        return {key: value for key, value in values.items() if key in known}

    def settings(self, name: str) -> type[Settings]:
        """The class of settings of a name."""
        found: type[Settings] = self.registry[name].load_settings()
        return found

    def chosen(self, values: object) -> str | None:
        """The name that plain values or a group of settings give; None: they cannot have one."""
        if isinstance(values, Mapping):
            return str(values.get(self.key, self.default))
        return getattr(values, self.key, None)

    def without_keys_of_default(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what stands in a config only because its default is another variant.

        config.yaml states every key of the default variant. A recipe that chooses another one does
        not take them away.

        Args:
            values: of the group, as YAML gives them.

        Returns:
            The values, less each key that the chosen variant does not know and that has the
            default variant's default value.
        """
        name = self.chosen(values)
        if name is None or name == self.default or name not in self.registry:
            return dict(values)
        known = self.settings(name).model_fields
        defaults = self.settings(self.default)().model_dump(mode="json")
        return {
            key: value
            for key, value in values.items()
            if key in known or key not in defaults or defaults[key] != value
        }

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """One schema for each name."""
        choices = {name: handler.generate_schema(self.settings(name)) for name in self.registry}
        return core_schema.tagged_union_schema(choices, discriminator=self.chosen, strict=True)


def variant_of(field: FieldInfo) -> Variant | None:
    """The mark of a group; None: it has the same keys in every config."""
    return next((mark for mark in field.metadata if isinstance(mark, Variant)), None)


def variants_of(kind: type[Settings]) -> Iterator[tuple[str, Variant]]:
    """Name and mark of every group of a class that has one."""
    for name, field in kind.model_fields.items():
        mark = variant_of(field)
        if mark is not None:
            yield name, mark
