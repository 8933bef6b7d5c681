"""The section of settings: what differs from the defaults, then everything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conta_core.evaluation.report.pieces import Section, Table
from conta_core.settings import Experiment, Settings
from conta_core.settings.variant import variants_of

_ABSENT = object()


@dataclass(frozen=True)
class Setting:
    """A key of the config.

    Attributes:
        key: dotted.
        value: of the run, as JSON.
        default: as JSON.
        meaning: the description of the key.
    """

    key: str
    value: str
    default: str
    meaning: str


def settings_section(settings: Mapping[str, Any]) -> Section:
    """What the run was told.

    Args:
        settings: the keys that the run's results depend on, nested as in the config.
    """
    head = ["key", "this run", "default", "meaning"]
    every = [[one.key, one.value, one.default, one.meaning] for one in known_settings(settings)]
    changed = [row[:3] for row in every if row[1] != row[2]]
    title = "settings that differ from the defaults"
    values = {
        "changed": Table(title, [head[:3], *changed], text=3) if changed else None,
        "every": Table(
            "every setting that the results depend on", [head, *every], text=4, style="words"
        ),
        "unused": unused_keys(settings),
    }
    return Section("settings", "Settings", "settings.html", values)


def known_settings(settings: Mapping[str, Any]) -> Iterator[Setting]:
    """The keys of a run that stand in its settings, in the order of the config."""
    for key, default, meaning in _defaults(_default_experiment(settings)):
        value = _find(settings, key)
        if value is not _ABSENT:
            yield Setting(key, _text(value), _text(default), meaning)


def unused_keys(settings: Mapping[str, Any]) -> list[str]:
    """The keys of the config that stand in no settings of the run; a whole group by its name."""
    names = []
    for name, value in _default_experiment(settings):
        keys = [key for key, *_ in _defaults(value, f"{name}.")] or [name]
        missing = [key for key in keys if _find(settings, key) is _ABSENT]
        names += [name] if missing == keys else missing
    return names


def _default_experiment(settings: Mapping[str, Any]) -> Experiment:
    """The defaults, of the run's own seed, refinement and network where those are not the default.

    Their names are the default ones, so that others stand out.
    """
    groups = {}
    for name, variant in variants_of(Experiment):
        chosen = variant.chosen(settings.get(name, {}))
        if chosen is not None and chosen != variant.default and chosen in variant.registry:
            # without a check: some have keys that only a run can give
            values: dict[str, Any] = {variant.key: variant.default}
            groups[name] = variant.settings(chosen).model_construct(None, **values)
    return Experiment().model_copy(update=groups)


def _defaults(settings: Any, under: str = "") -> Iterator[tuple[str, Any, str]]:
    """Key, default and description of everything below a group."""
    if not isinstance(settings, Settings):
        return
    plain = settings.model_dump(mode="json", warnings=False)
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from _defaults(value, f"{under}{name}.")
        else:
            yield f"{under}{name}", plain[name], field.description or ""


def _find(settings: Mapping[str, Any], key: str) -> Any:
    found: Any = settings
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _ABSENT
        found = found[part]
    return found


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
