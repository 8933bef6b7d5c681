"""A fingerprint of the code that a script reaches, blind to comments and docstrings.

Snakemake notices an edited script, not an edited module. The workflow gives it this
fingerprint as the rule's code, so that a changed module makes exactly the rules stale
that reach it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "conta_core"

#: modules and packages that cannot change a result: the values of settings are compared as params
NEUTRAL = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "errors",
        "runtime.jobs",
        "runtime.memory",
        "runtime.progress",
        "runtime.progress_bar",
        "settings",
    )
)


def fingerprint(script: str | Path, root: str | Path) -> str:
    """Digest of a script and of every module of this package that it imports, however deep.

    Args:
        script: path of the script.
        root: the folder that holds the package.

    Returns:
        Hexadecimal digest; the same where only comments, docstrings or layout differ.
    """
    root = Path(root)
    digest = hashlib.sha256(_meaning(Path(script)).encode())
    reached = reached_modules(Path(script), root)
    for module in sorted(name for name in reached if not is_neutral(name)):
        digest.update(f"\x1f{module}\x1f{_meaning(_source(module, root))}".encode())
    return digest.hexdigest()


def reached_modules(script: Path, root: Path) -> set[str]:
    """Names of the package's modules that a script imports, directly or not."""
    found: set[str] = set()
    waiting = list(_imports(script, root))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            if not is_neutral(module):
                waiting += _imports(_source(module, root), root)
    return found


def is_neutral(module: str) -> bool:
    """Whether a module, or a package that it lies in, is one of :data:`NEUTRAL`."""
    return any(module == name or module.startswith(f"{name}.") for name in NEUTRAL)


@cache
def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


@cache
def _imports(source: Path, root: Path) -> tuple[str, ...]:
    return tuple(_imported(_tree(source), root))


def _imported(tree: ast.Module, root: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] == PACKAGE and _source(name, root).is_file():
                yield name


def _source(module: str, root: Path) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _meaning(source: Path) -> str:
    tree = ast.parse(source.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            del body[0]
    return ast.dump(tree)


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
