"""The top level of a source file: what it defines, imports, and does on import."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeGuard


class Definition(NamedTuple):
    """A name of a module's top level, or all that it does on import (name ``*``)."""

    module: Module
    name: str


@dataclass(eq=False)
class Module:
    """The top level of a source file.

    Attributes:
        name: dotted; empty: the file is no module of the package.
        path: of the file.
        definitions: name -> the statement that defines it.
        imports: name -> the dotted names that it was imported from, the last one last.
        run: dotted names of what is imported when the module is, not for types alone.
        effects: all other statements, which run on import.
    """

    name: str
    path: Path
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    run: list[str] = field(default_factory=list)
    effects: list[ast.stmt] = field(default_factory=list)

    def __post_init__(self) -> None:
        for statement in ast.parse(self.path.read_text(encoding="utf-8")).body:
            self._take(statement)

    def _take(self, statement: ast.stmt, for_types: bool = False) -> None:
        names = list(defined(statement))
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self.imports = merged(self.imports, statement)
            self.run += [] if for_types else targets(statement)
        elif names:
            # of a name that is defined twice, the first definition may be part of the second
            self.effects += [self.definitions[name] for name in names if name in self.definitions]
            self.definitions |= dict.fromkeys(names, statement)
        elif _is_for_types(statement):
            for inner in statement.body:
                self._take(inner, for_types=True)
            for inner in statement.orelse:
                self._take(inner)
        elif not is_docstring(statement) and not (self.name and _is_main(statement)):
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self.imports = merged(self.imports, node)
                    self.run += targets(node)
            self.effects.append(statement)

    @cached_property
    def loggers(self) -> set[str]:
        """Names of the module's loggers."""
        return {
            name
            for name, node in self.definitions.items()
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == "logging.getLogger"
        }


def defined(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module's or class's top level defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    for target in targets:
        elements = target.elts if isinstance(target, ast.Tuple) else [target]
        if not all(isinstance(element, ast.Name) for element in elements):
            return
    for target in targets:
        elements = target.elts if isinstance(target, ast.Tuple) else [target]
        # `_ = call()` is there for the call
        yield from (e.id for e in elements if isinstance(e, ast.Name) and e.id != "_")


def merged(
    known: Mapping[str, tuple[str, ...]], statement: ast.Import | ast.ImportFrom
) -> dict[str, tuple[str, ...]]:
    """What names were imported from, with one more import statement.

    A name that two statements import may be either, so both count.
    """
    found = dict(known)
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            name, dotted = alias.asname or alias.name, f"{statement.module}.{alias.name}"
        else:
            name = alias.asname or alias.name.split(".")[0]
            dotted = alias.name if alias.asname else name
        others = (one for one in found.get(name, ()) if one != dotted)
        found[name] = (*others, dotted)
    return found


def targets(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """Dotted names that an import statement leads to."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    return [f"{statement.module}.{alias.name}" for alias in statement.names]


def is_docstring(node: ast.AST) -> bool:
    """Whether a statement is a mere string."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_for_types(node: ast.stmt) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
