"""Config files in which a key stands twice: YAML keeps the last without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import yaml

from conta_core.errors import ContaError


def require_single_keys(path: str | os.PathLike[str]) -> None:
    """Refuse a YAML file that gives a key twice, at any depth.

    Raises:
        ContaError: the file, each such key, and the lines of both. What is no YAML is left to
            who reads it.
    """
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return
    found = list(_repeated(root))
    if found:
        texts = [
            f"{key} is given twice, in line {first} and in line {second}"
            for key, first, second in found
        ]
        raise ContaError(
            f"{path}: {'; '.join(texts)}; YAML would keep the last alone: make one of them"
        )


def _repeated(root: yaml.Node | None) -> Iterator[tuple[str, int, int]]:
    """Dotted name of each key that is there twice, and its lines, from 1."""
    waiting = [("", root)]
    seen: set[int] = set()  # an alias is the node that it names
    while waiting:
        under, node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(under, item) for item in node.value]
        if not isinstance(node, yaml.MappingNode):
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name = f"{under}.{key.value}" if under else str(key.value)
            line = key.start_mark.line + 1
            if name in lines and key.value != "<<":
                yield name, lines[name], line
            lines.setdefault(name, line)
            waiting.append((name, value))
