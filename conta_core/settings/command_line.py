"""Config values of the command line: Snakemake hands those below a group over as text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import yaml
from pydantic import ValidationError

from conta_core.errors import ContaError
from conta_core.settings.experiment import Config
from conta_core.settings.load import path_of

Path = tuple[str, ...]


def typed_config(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The config with what the command line gave as numbers, truth values, null and lists.

    ``--config 'cam={epochs: 2}'`` comes as the text ``2`` (snakemake#2374). Each text is read as
    YAML would read it, but stays text where the key takes text.

    Args:
        config: what files and command line gave, merged.
        given: what the command line alone gave.
    """
    typed = deepcopy(dict(config))
    texts = {path: value for path, value in _texts(given) if _at(typed, path) == value}
    for path, value in texts.items():
        _put(typed, path, _read(value))
    try:
        Config.model_validate_json(json.dumps(typed))
    except ValidationError as error:
        for problem in error.errors():
            path = path_of(Config, problem["loc"])
            if problem["type"] in ("string_type", "literal_error") and path in texts:
                _put(typed, path, texts[path])
    return typed


def require_given_once(entries: Sequence[str]) -> None:
    """Refuse a key that ``--config`` gives twice: the last would win without a word.

    Args:
        entries: the words after ``--config``, each ``name=value``.
    """
    names = []
    for entry in entries:
        name, _, text = entry.partition("=")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        names += [".".join(path) for path, _ in _leaves(value, (name,))]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ContaError(
            f"--config gives {twice[0]} {names.count(twice[0])} times, of which the last would "
            "count; give it once"
        )


def require_one_configfile(words: Sequence[str]) -> None:
    """Refuse ``--configfile A ... --configfile B``, of which Snakemake reads B alone.

    Args:
        words: of Snakemake's command line.
    """
    names = [word.partition("=")[0] for word in words]
    if sum(name in ("--configfile", "--configfiles") for name in names) > 1:
        raise ContaError(
            "--configfile is given twice, of which the last would count; name all files after one: "
            "--configfile A B"
        )


def _leaves(value: Any, under: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*under, str(key)))
    else:
        yield under, value


def _texts(given: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Path and value of what is text, or a list, which may hold text."""
    for key, value in given.items():
        for path, inner in _leaves(value, (key,)):
            if isinstance(inner, str | list):
                yield path, inner


def _read(value: Any) -> Any:
    """A text as YAML reads it, and a number as Python does (``1e-3``); lists item by item."""
    if isinstance(value, list):
        return [_read(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _read(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    try:
        read = yaml.safe_load(value)
        return float(read) if isinstance(read, str) and read[:1] in "+-.0123456789" else read
    except (yaml.YAMLError, ValueError):
        return value


def _at(values: Mapping[str, Any], path: Path) -> Any:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return None
        values = values[key]
    return values


def _put(values: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        values = values[key]
    values[path[-1]] = value
