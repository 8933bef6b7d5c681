"""The section of settings: what differs from the defaults, then everything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from conta_core.evaluation.report.html_pieces import details, section, table
from conta_core.settings import Experiment, Settings

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


def settings_section(settings: Mapping[str, Any]) -> str:
    """What the run was told.

    Args:
        settings: the keys that the run's results depend on, nested as in the config.

    Returns:
        html.
    """
    known = list(known_settings(settings))
    changed = [one for one in known if one.value != one.default]
    unused = unused_keys(settings)
    parts = []
    if changed:
        rows = [["key", "this run", "default"]]
        rows += [[one.key, one.value, one.default] for one in changed]
        parts.append(table(rows, "settings that differ from the defaults", text=3))
    else:
        parts.append("<p>Every setting has its default.</p>")
    rows = [["key", "this run", "default", "meaning"]]
    rows += [[one.key, one.value, one.default, one.meaning] for one in known]
    everything = [table(rows, "every setting that the results depend on", text=4, style="words")]
    if unused:
        everything.append(
            f"<p>The results of this run do not depend on: {escape(', '.join(unused))}.</p>"
        )
    parts.append(details(f"All {len(known)} settings", everything))
    return section("settings", "Settings", parts)


def known_settings(settings: Mapping[str, Any]) -> Iterator[Setting]:
    """The keys of a run that stand in its settings, in the order of the config."""
    for key, default, meaning in _defaults(Experiment()):
        value = _find(settings, key)
        if value is not _ABSENT:
            yield Setting(key, _text(value), _text(default), meaning)


def unused_keys(settings: Mapping[str, Any]) -> list[str]:
    """The keys of the config that stand in no settings of the run; a whole group by its name."""
    names = []
    for name, value in Experiment():
        keys = [key for key, *_ in _defaults(value, f"{name}.")] or [name]
        missing = [key for key in keys if _find(settings, key) is _ABSENT]
        names += [name] if missing == keys else missing
    return names


def _defaults(settings: Any, under: str = "") -> Iterator[tuple[str, Any, str]]:
    """Key, default and description of everything below a group."""
    if not isinstance(settings, Settings):
        return
    plain = settings.model_dump(mode="json")
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
