"""The top level of a source file: what it defines, imports, and does on import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
        imports: name -> the dotted name that it was imported from.
        effects: all other statements, which run on import.
    """

    name: str
    path: Path
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)

    def __post_init__(self) -> None:
        for statement in ast.parse(self.path.read_text(encoding="utf-8")).body:
            self._take(statement)

    def _take(self, statement: ast.stmt) -> None:
        names = list(defined(statement))
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self.imports |= imported(statement)
        elif names:
            # of a name that is defined twice, the first definition may be part of the second
            self.effects += [self.definitions[name] for name in names if name in self.definitions]
            self.definitions |= dict.fromkeys(names, statement)
        elif _is_for_types(statement):
            for inner in statement.body:
                self._take(inner)
        elif not is_docstring(statement) and not _is_main(statement):
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self.imports |= imported(node)
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

    @cached_property
    def only_imported(self) -> list[str]:
        """What the module imports and never names: for what the import alone does."""
        nodes = (*self.definitions.values(), *self.effects)
        used = {n.id for top in nodes for n in ast.walk(top) if isinstance(n, ast.Name)}
        return [target for alias, target in self.imports.items() if alias not in used]


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
        yield from (element.id for element in elements if isinstance(element, ast.Name))


def imported(statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Name in the file -> dotted name that an import statement gives it."""
    if isinstance(statement, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: alias.name
            if alias.asname
            else alias.name.split(".")[0]
            for alias in statement.names
        }
    if statement.module == "__future__":
        return {}
    before = f"{'.' * statement.level}{statement.module or ''}"
    return {alias.asname or alias.name: f"{before}.{alias.name}" for alias in statement.names}


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
