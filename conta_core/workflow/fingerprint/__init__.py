"""A fingerprint of the code that a result depends on: of definitions, wherever they lie.

Snakemake notices an edited script, not an edited function behind it. The workflow gives it this
fingerprint as a job's code. A changed function, class or constant then makes exactly those results
stale that reach it by name.

Blind to: module paths and import statements, comments, docstrings, formatting, annotations of
functions, messages of :class:`~conta_core.errors.ContaError`, what is logged, and
:data:`OBSERVERS`. Where the reach cannot be known, it errs on the stale side: a class counts whole,
a module that is passed on as a value counts whole, and a dynamic import counts the whole package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from inspect import getsourcefile, unwrap
from pathlib import Path
from typing import Any

from conta_core.workflow.fingerprint.observers import OBSERVERS
from conta_core.workflow.fingerprint.package import Package

__all__ = ["OBSERVERS", "fingerprint", "fingerprint_of", "reached"]


def fingerprint(
    script: str | Path, root: str | Path, chosen: Mapping[str, str] | None = None
) -> str:
    """Digest of a script and of every definition of this package that it reaches.

    Args:
        script: path of the script.
        root: the folder that holds the package.
        chosen: dotted key -> value, of the words among a run's settings. An entry of a registry
            counts where a key that the registry is named by has it for its value, or has a value
            that begins with it where the entry ends with ``:``; None: every entry counts.

    Returns:
        Hexadecimal digest.
    """
    return _package(Path(root)).digest(Path(script), None, chosen)


def fingerprint_of(function: Callable[..., Any], root: str | Path) -> str:
    """Digest of a function and of every definition of this package that it reaches.

    Args:
        function: of a module's top level.
        root: the folder that holds the package.

    Returns:
        Hexadecimal digest; every entry of a registry counts.
    """
    function = unwrap(function)
    source = getsourcefile(function)
    if source is None:
        raise ValueError(f"{function!r} has no source file; give a function of a module")
    return _package(Path(root)).digest(Path(source), function.__qualname__, None)


def reached(
    script: str | Path, root: str | Path, chosen: Mapping[str, str] | None = None
) -> set[str]:
    """Dotted names of the definitions that :func:`fingerprint` counts beside the script itself."""
    found = _package(Path(root)).reach(Path(script), None, chosen)
    return {f"{d.module.name}.{d.name}" for d in found if d.module.name}


@cache
def _package(root: Path) -> Package:
    return Package(root)
