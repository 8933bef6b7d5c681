"""What a definition means: its tree without all that cannot change a result."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from conta_core.workflow.fingerprint.observers import OBSERVERS, PACKAGE, observes
from conta_core.workflow.fingerprint.source import (
    Definition,
    Module,
    defined,
    is_docstring,
    merged,
    targets,
)

if TYPE_CHECKING:
    from conta_core.workflow.fingerprint.package import Package

#: The class of settings. The values of its fields are compared as params, so only its methods
#: count. Where code makes one itself, its defaults count too: the class with this ending.
FIELDS = "#fields"
SETTINGS = f"{PACKAGE}.settings.base.Settings"
#: the class whose entries count only for the runs that choose them
REGISTRY = f"{PACKAGE}.runtime.registry.Registry"
#: the class of entries that name what they stand for
CHOICE = f"{PACKAGE}.runtime.registry.Choice"
ERROR = f"{PACKAGE}.errors.ContaError"
LOGGED = frozenset(("debug", "info", "warning", "error", "exception", "log"))
#: what can lead to any module of the package
DYNAMIC = frozenset(
    (
        "__import__",
        "importlib.import_module",
        "pkgutil.resolve_name",
        "runpy.run_module",
        "runpy.run_path",
    )
)
#: where a dynamic import leads nowhere else: to the names that a :data:`CHOICE` gives
FOLLOWED = f"{PACKAGE}.runtime.registry"
#: fields of a tree that hold no meaning
NO_MEANING = frozenset(("kind", "type_comment", "type_ignores"))

#: entries of registries, each with the name of its registry
Choice = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Meaning:
    """What a definition says, and which others it names.

    Attributes:
        text: blind to all that the module's docstring names.
        named: as it stands in ``text`` -> the definition.
        entries: all entries of the registries that it makes, chosen or not.
    """

    text: str
    named: dict[str, Definition]
    entries: Choice


def read_meaning(
    nodes: list[ast.stmt],
    package: Package,
    module: Module,
    choice: Choice | None,
    *,
    fields: bool = False,
) -> Meaning:
    """What statements of a module's top level mean under the choice of a run.

    Args:
        nodes: the statements.
        package: tells where names lead.
        module: that they stand in.
        choice: the entries of registries that count; None: all.
        fields: whether the fields of settings count, with those of their groups.
    """
    reader = _Reader(package, module, choice, fields)
    text = "\x1f".join(_dump(reader.visit(copy.deepcopy(node))) for node in nodes)
    return Meaning(text, reader.named, frozenset(reader.entries))


class _Reader(ast.NodeTransformer):
    """Takes away what cannot change a result, and writes names without their modules."""

    def __init__(
        self, package: Package, module: Module, choice: Choice | None, fields: bool
    ) -> None:
        self.named: dict[str, Definition] = {}
        self.entries: set[tuple[str, str]] = set()
        self._package, self._module, self._choice = package, module, choice
        self._fields = fields
        self._imports = dict(module.imports)
        self._depth = 0

    def visit_Import(self, node: ast.Import) -> None:
        self._run(targets(node))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._run(targets(node))

    def _run(self, dotted: list[str]) -> None:
        """An import within a function runs what is imported."""
        for name in dotted:
            for definition in self._package.effects_of(name):
                self.named[f"{definition.module.name}.*"] = definition

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer = self._imports
        # imports in a function are known before the lines that use them are read
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                self._imports = merged(self._imports, inner)
        node.returns = None
        self._depth += 1
        self.generic_visit(_without_docstring(node))
        self._depth -= 1
        self._imports = outer
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(node)  # type: ignore[arg-type]

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        chain = self._package.bases(self._module, node) | {f"{self._module.name}.{node.name}"}
        members = []
        for member in _without_docstring(node).body:
            names = {getattr(member, "name", None), *defined(member)}
            if any(f"{owner}.{name}" in OBSERVERS for owner in chain for name in names):
                continue
            if SETTINGS in chain and _is_field(member):
                # what is annotated beside the type only refuses values, or finds their class
                member.annotation = _type_alone(member.annotation)
                if not self._fields:
                    self.visit(member.annotation)  # its groups count, its values are params
                    continue
            members.append(member)
        node.body = members
        outer, self._depth = self._depth, 0
        self.generic_visit(node)
        self._depth = outer
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if self._depth == 0:
            return self.generic_visit(node)
        if node.value is None:
            return None
        return self.visit(ast.Assign(targets=[node.target], value=node.value))

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id in self._module.loggers
            and call.func.attr in LOGGED
            and not any(isinstance(n, ast.NamedExpr | ast.Await) for n in ast.walk(call))
        ):
            return None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call) and self._dotted(node.exc.func) == ERROR:
            node.exc.args, node.exc.keywords, node.cause = [], [], None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._dotted(node.func) == REGISTRY and len(node.args) == 2:
            name, entries = node.args
            if isinstance(name, ast.Constant) and isinstance(entries, ast.Dict):
                self._keep_chosen(str(name.value), entries)
        if self._dotted(node.func) == CHOICE:
            node.args = [self._followed(argument) for argument in node.args]
            for keyword in node.keywords:
                keyword.value = self._followed(keyword.value)
        if isinstance(node.func, ast.Name | ast.Attribute):
            self._count_fields(node.func)
        return self.generic_visit(node)

    def _followed(self, node: ast.expr) -> ast.expr:
        """The definition that a string names, in the place of the string."""
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return node
        return self._labelled([node.value])

    def _count_fields(self, node: ast.Name | ast.Attribute) -> None:
        """Where code makes settings itself, their defaults count."""
        for dotted in self._all_dotted(node):
            _, found = self._lead(dotted)
            for definition in found:
                if self._package.is_settings(definition):
                    label = f"{definition.name}{FIELDS}"
                    self.named[label] = Definition(definition.module, label)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        dotted = self._dotted(node)
        if dotted is None or dotted.startswith("."):
            return self.generic_visit(node)
        inside = dotted.split(".")[0] == PACKAGE
        if inside and self._package.module(dotted.rpartition(".")[0]) is None:
            return self.generic_visit(node)
        return self._written(node, dotted)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        dotted = self._dotted(node)
        return node if dotted is None else self._written(node, dotted)

    def _written(self, node: ast.Name | ast.Attribute, dotted: str) -> ast.AST:
        """The node with the name that does not tell where its definition lies.

        No variable is called like it: it begins with ``@``.
        """
        if self._fields:
            self._count_fields(node)
        others = [one for one in self._all_dotted(node) if one != dotted]
        return self._labelled([*others, dotted], node.ctx)

    def _labelled(self, dotted: list[str], ctx: ast.expr_context | None = None) -> ast.Name:
        """The definitions that dotted names lead to, noted under the last one's name."""
        name = ""
        for one in dotted:
            if one in DYNAMIC and self._module.name != FOLLOWED:
                self._name_all()
            name, definitions = self._lead(one)
            for definition in definitions:
                label = name if len(definitions) == 1 else f"{name}.{definition.name}"
                while self.named.get(label, definition) != definition:
                    label += "'"
                self.named[label] = definition
                name = label if len(definitions) == 1 else name
        return ast.Name(id=f"@{name}", ctx=ctx or ast.Load())

    def _lead(self, dotted: str) -> tuple[str, list[Definition]]:
        """Where a dotted name leads; one that begins with a dot is the module's own."""
        if not dotted.startswith("."):
            return self._package.resolve(dotted) or (f"<{dotted}>", [])
        name = dotted[1:]
        observed = observes(self._module.name) or observes(f"{self._module.name}.{name}")
        return name, [] if observed else [Definition(self._module, name)]

    def _dotted(self, node: ast.expr) -> str | None:
        """Where a name or a chain of attributes leads, by the last import of it.

        Returns:
            A dotted name, which begins with a dot in the module itself; None: a local variable.
        """
        found = self._all_dotted(node)
        return found[-1] if found else None

    def _all_dotted(self, node: ast.expr) -> list[str]:
        """Likewise, by every import of it."""
        if isinstance(node, ast.Attribute):
            return [f"{before}.{node.attr}" for before in self._all_dotted(node.value)]
        if not isinstance(node, ast.Name):
            return []
        own = [f".{node.id}"] if node.id in self._module.definitions else []
        if node.id in self._imports:
            return [*own, *self._imports[node.id]]
        return own or ([node.id] if node.id in DYNAMIC else [])

    def _keep_chosen(self, registry: str, entries: ast.Dict) -> None:
        """Leave out the entries of a registry that the run does not choose."""
        pairs = []
        for key, value in zip(entries.keys, entries.values, strict=True):
            if isinstance(key, ast.Constant):
                entry = (registry, str(key.value))
                self.entries.add(entry)
                if self._choice is not None and entry not in self._choice:
                    continue
            pairs.append((key, value))
        entries.keys, entries.values = [k for k, _ in pairs], [v for _, v in pairs]

    def _name_all(self) -> None:
        """A dynamic import can lead anywhere."""
        for definition in self._package.everything():
            self.named[f"{definition.module.name}.{definition.name}"] = definition


def _is_field(member: ast.stmt) -> TypeGuard[ast.AnnAssign]:
    """Whether a member of a class of settings is a key."""
    return isinstance(member, ast.AnnAssign) and "ClassVar" not in ast.unparse(member.annotation)


def _type_alone(annotation: ast.expr) -> ast.expr:
    """The type of a key, without what ``Annotated`` says of it."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        inner = annotation.slice
        return inner.elts[0] if isinstance(inner, ast.Tuple) else inner
    return annotation


def _without_docstring(node: Any) -> Any:
    if node.body and is_docstring(node.body[0]):
        node.body = node.body[1:]
    return node


def _dump(node: Any) -> str:
    """A tree as text, the same under every version of Python: absent parts are left out."""
    if isinstance(node, ast.Constant):
        return f"Constant({node.value!r})"
    if isinstance(node, ast.AST):
        parts = (
            f"{name}={_dump(value)}"
            for name, value in ast.iter_fields(node)
            if name not in NO_MEANING and value is not None and value != []
        )
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    return repr(node)
