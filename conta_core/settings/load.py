"""From the config mapping to one validated experiment a run."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from conta_core.errors import ContaError
from conta_core.runtime.registry import Choice, Registry
from conta_core.settings import ComparisonSettings, Config, Experiment, Settings
from conta_core.settings.renamed import RENAMED
from conta_core.settings.single_keys import require_single_keys
from conta_core.settings.starts import require_equal_starts
from conta_core.settings.variant import variant_of, variants_of

#: runs by the hundred with every key of theirs; aliases can declare billions
MAX_VALUES = 100_000
MAX_DEPTH = 50
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

AnySettings = TypeVar("AnySettings", bound=Settings)


def load_experiments(config: Mapping[str, Any]) -> dict[str, Experiment]:
    """Validate a config and resolve its runs.

    Args:
        config: what config.yaml and the command line gave, one mapping.

    Returns:
        run name -> experiment (the base with the run's overrides), those of ``runs`` and
        then those of ``comparison``; a config without both has one run named after
        ``dataset.name``.

    Raises:
        ContaError: an unknown key, a wrong type or a value out of range, by its key; or a run
            whose ``start_from`` does not fit.
    """
    _require_bounds(config)
    whole = _validate(Config, _fitted(config), "config")
    base = {key: value for key, value in config.items() if key not in ("runs", "comparison")}
    experiments = {}
    for name, overrides in _all_runs(whole).items():
        if not RUN_NAME.fullmatch(name):
            raise ContaError(
                f"config: runs: {name!r} is not a run name: found characters outside letters, "
                "digits, '-' and '_'; rename the run"
            )
        values = merge(_chosen_anew(_fitted(base), overrides), overrides)
        experiments[name] = _validate(Experiment, values, f"config: runs: {name}")
    require_equal_starts(experiments)
    return experiments


def load_comparison(config: Mapping[str, Any]) -> ComparisonSettings | None:
    """The key ``comparison``; None where the config has none.

    Raises:
        ContaError: as :func:`load_experiments`.
    """
    _require_bounds(config)
    return _validate(Config, _fitted(config), "config").comparison


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The mapping of a config file.

    Raises:
        ContaError: missing, no YAML, no mapping, or a key that is given twice.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except Exception as error:  # on tags that do not fit their value the parser fails in many ways
        raise ContaError(f"{path}: no readable config ({error}); expected a YAML file") from None
    if not isinstance(values, dict):
        raise ContaError(f"{path}: no config; expected keys and values, dataset: among them")
    require_single_keys(path)
    return values


def require_weights(experiments: Mapping[str, Experiment]) -> None:
    """Refuse a file of the user's that is not there, before hours of other stages.

    Raises:
        ContaError: naming the key and the file.
    """
    for name, experiment in experiments.items():
        for file in (*experiment.cam.given_files(), *experiment.pseudo_masks.given_files()):
            if not file.is_there:
                what = "folder" if file.folder else "file"
                raise ContaError(
                    f"run {name}: {file.key} is {file.path!r}: no such {what}; {file.mend}"
                )
        for group in ("cam", "irn", "segmentation"):
            weights = getattr(getattr(experiment, group), "weights", "none")
            if weights not in ("imagenet", "none") and not Path(weights).is_file():
                raise ContaError(
                    f"run {name}: {group}.weights is {weights!r}: no such file; give imagenet, "
                    "none, or a .safetensors file that is there (conta import-weights makes one)"
                )


def parse_settings(kind: type[AnySettings], values: Mapping[str, Any], where: str) -> AnySettings:
    """The settings that a rule's params give a stage.

    Args:
        kind: the settings class.
        values: as YAML or JSON gives them (lists for tuples).
        where: names the source in an error.

    Returns:
        The settings, strictly typed. Reading a key that ``values`` lack is an error: see
        :meth:`~conta_core.settings.base.Settings.without_defaults`.

    Raises:
        ContaError: each offending key, what was found and what was expected.
    """
    return _validate(kind, values, where).without_defaults()


def parse_variant(registry: Registry[Choice], values: Mapping[str, Any], where: str) -> Any:
    """The settings of a group whose keys hang on a name in it, as :func:`parse_settings`.

    Args:
        registry: of :mod:`conta_core.settings.choices`.
        values: of the group, the name among them.
        where: names the source in an error.
    """
    return parse_settings(registry[values[registry.key]].load_settings(), values, where)


def _fitted(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without the default variants' keys where other variants are chosen."""
    fitted = dict(config)
    for name, variant in variants_of(Experiment):
        if isinstance(fitted.get(name), Mapping):
            fitted[name] = variant.without_keys_of_default(fitted[name])
    return fitted


def _chosen_anew(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The base without the keys that a run does not know which chooses another variant."""
    chosen = dict(base)
    for name, variant in variants_of(Experiment):
        own, known = overrides.get(name), chosen.get(name)
        if isinstance(own, Mapping) and isinstance(known, Mapping) and variant.key in own:
            chosen[name] = variant.known_to(str(own[variant.key]), known)
    return chosen


def _validate(kind: type[AnySettings], values: Mapping[str, Any], where: str) -> AnySettings:
    """Settings from plain values, strictly typed, with the defaults of what is not given."""
    try:
        return kind.model_validate_json(json.dumps(values))
    except ValidationError as error:
        lines = [_describe(problem, kind) for problem in error.errors()]
        raise ContaError(f"{where}: " + f"\n{where}: ".join(lines)) from None
    except (TypeError, ValueError) as error:
        raise ContaError(f"{where}: a value is not plain YAML: {error}") from None


def merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; what is no mapping (lists too) is replaced whole."""
    merged = dict(base)
    for key, value in overrides.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def pick(
    experiment: Experiment, keys: Iterable[str], without: Iterable[str] = ()
) -> dict[str, Any]:
    """Some keys of an experiment, nested as in the config.

    Args:
        experiment: the run's.
        keys: dotted, e.g. ``cam`` or ``context.block``.
        without: dotted keys to leave out of them.

    Returns:
        Plain values (what YAML can hold).
    """
    values = experiment.model_dump(mode="json")
    picked: dict[str, Any] = {}
    for key in keys:
        *groups, last = key.split(".")
        source, target = values, picked
        for group in groups:
            source, target = source[group], target.setdefault(group, {})
        target[last] = source[last]
    for key in without:
        *groups, last = key.split(".")
        target = picked
        for group in groups:
            target = target[group]
        del target[last]
    return picked


def _all_runs(whole: Config) -> dict[str, dict[str, Any]]:
    """Name and overrides of every run, of ``runs`` and of ``comparison``."""
    if whole.comparison is None:
        return whole.runs or {whole.dataset.name: {}}
    levels = [level.confounding for level in whole.comparison.levels]
    if whole.dataset.format != "context-shapes" and levels != [None]:
        raise ContaError(
            f"config: comparison: levels have confounding {levels}, which dataset.format "
            f"{whole.dataset.format!r} does not know; name one level, without confounding"
        )
    compared = whole.comparison.compared_runs()
    names = [whole.comparison.name, *whole.runs, *(one.run for one in compared)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ContaError(
            f"config: comparison: {twice[0]!r} is the name of two of its runs, itself and `runs`, "
            "which would share a folder; rename one"
        )
    return {**whole.runs, **{one.run: whole.comparison.overrides_of(one) for one in compared}}


def _require_bounds(config: Mapping[str, Any]) -> None:
    """Refuse what would unfold without end: YAML's aliases can nest a value in itself."""
    level: list[Any] = [config]
    count = 0
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            items = value.values() if isinstance(value, Mapping) else value
            inner += [item for item in items if isinstance(item, Mapping | list | tuple)]
            count += len(items)
            if count > MAX_VALUES:
                raise ContaError(
                    f"config: more than {MAX_VALUES} values, expected a few hundred: look for "
                    "aliases (*name) that repeat one another"
                )
        if not inner:
            return
        level = inner
    raise ContaError(
        f"config: values nested more than {MAX_DEPTH} deep, expected a few levels: look for an "
        "alias (*name) inside of what it names"
    )


def _describe(problem: Any, kind: type[Settings]) -> str:
    path, siblings = _key(kind, problem["loc"])
    key = ".".join(map(str, path)) or "(whole)"
    if problem["type"] == "value_error" and not path:
        # of several groups: it names them itself
        return str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden" and key in RENAMED:
        return f"{key} was renamed: write {RENAMED[key]}"
    if problem["type"] == "extra_forbidden":
        return f"{key} is not a key; known here: {', '.join(siblings)}"
    if problem["type"] == "union_tag_invalid":
        name, known = problem["ctx"]["tag"], problem["ctx"]["expected_tags"]
        variant = dict(variants_of(kind))[key]
        return f"{key}.{variant.registry.key} is {name!r}; expected one of {known}"
    if problem["type"] == "union_tag_not_found":
        return f"{key} is {problem['input']!r}; expected a group of keys"
    hint = _number_hint(problem["input"]) if problem["type"].startswith(("float", "int")) else ""
    return f"{key} is {problem['input']!r}: {problem['msg']}{hint}"


def _number_hint(value: Any) -> str:
    """YAML takes a number with an exponent for text where it has no point."""
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        return ""
    if number is None or "e" not in str(value).lower():
        return ""
    digits, _, power = str(value).lower().partition("e")
    with_point = digits if "." in digits else f"{digits}.0"
    sign = power if power[:1] in "+-" else f"+{power}"
    return f"; YAML takes it for text: write {with_point}e{sign}"


def path_of(kind: type[Settings], found: tuple[int | str, ...]) -> tuple[str, ...]:
    """The key that an error of pydantic's is about, group by group."""
    return tuple(str(part) for part in _key(kind, found)[0])


def _key(kind: type[Settings], found: tuple[int | str, ...]) -> tuple[list[int | str], list[str]]:
    """The parts of a key, less the names of variants, and the keys that are known beside it."""
    path: list[int | str] = []
    inner: type[Settings] | None = kind
    parts = list(found)
    siblings: list[str] = []
    while parts:
        part = parts.pop(0)
        path.append(part)
        if isinstance(part, int):  # a place in a list of what was found already
            continue
        siblings = sorted(inner.model_fields) if inner is not None else []
        field = None if inner is None else inner.model_fields.get(part)
        variant = None if field is None else variant_of(field)
        if variant is not None and parts:
            inner = variant.settings(str(parts.pop(0)))
        else:
            inner = None if field is None else _settings_in(field.annotation)
    return path, siblings


def _settings_in(annotation: Any) -> type[Settings] | None:
    """The settings class of a key, which may be null or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next((found for part in get_args(annotation) if (found := _settings_in(part))), None)
