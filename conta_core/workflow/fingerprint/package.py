"""The definitions of this package, and where their names lead."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from conta_core.workflow.fingerprint.meaning import FIELDS, SETTINGS, Choice, Meaning, read_meaning
from conta_core.workflow.fingerprint.observers import PACKAGE, observes
from conta_core.workflow.fingerprint.source import Definition, Module

#: a module's constant of this name is a folder beside it, whose files are code too
PACKAGE_FILES = "PACKAGE_FILES"


class Package:
    """The package's modules, read once, and what their definitions mean.

    Args:
        root: the folder that holds the package.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules: dict[str, Module | None] = {}
        self._scripts: dict[Path, Module] = {}
        self._meanings: dict[tuple[Definition, Choice | None], Meaning] = {}
        self._entries: dict[tuple[Path, str | None], Choice] = {}
        self._effects: dict[str, list[Definition]] = {}
        self._digests: dict[tuple[Path, str | None, Choice | None], str] = {}

    def module(self, name: str) -> Module | None:
        """A module of the package by its dotted name; None: there is none."""
        if name.split(".")[0] != PACKAGE:
            return None
        if name not in self._modules:
            place = self.root.joinpath(*name.split("."))
            files = (place / "__init__.py", place.with_suffix(".py"))
            path = next((file for file in files if file.is_file()), None)
            self._modules[name] = None if path is None else Module(name, path)
        return self._modules[name]

    def digest(self, source: Path, name: str | None, chosen: Mapping[str, str] | None) -> str:
        """Of all that a file, or one definition of it, reaches."""
        choice = self._choice(source, name, chosen)
        key = (source, name, choice)
        if key not in self._digests:
            found = self._reach(source, name, choice)
            lines = sorted(self._refined(found, choice).values())
            folders = {folder for d in found for folder in _folders(d.module)}
            files = sorted(_hash(p.read_bytes()) for folder in folders for p in _files(folder))
            self._digests[key] = _hash("\x1f".join([*lines, *files]).encode())
        return self._digests[key]

    def reach(
        self, source: Path, name: str | None, chosen: Mapping[str, str] | None
    ) -> set[Definition]:
        """The definitions that a file, or one definition of it, reaches."""
        return self._reach(source, name, self._choice(source, name, chosen))

    def _choice(
        self, source: Path, name: str | None, chosen: Mapping[str, str] | None
    ) -> Choice | None:
        """Those of the entries within reach that are chosen; None: all."""
        if chosen is None:
            return None
        key = (source, name)
        if key not in self._entries:
            every = (self.meaning(d, None).entries for d in self._reach(source, name, None))
            self._entries[key] = frozenset().union(*every)
        return frozenset(entry for entry in self._entries[key] if _is_chosen(entry, chosen))

    def _reach(self, source: Path, name: str | None, choice: Choice | None) -> set[Definition]:
        start = self.of_file(source)
        found: set[Definition] = set()
        waiting = [Definition(start, name or "*")]
        if name is None:
            waiting += [Definition(start, own) for own in start.definitions]
        while waiting:
            definition = waiting.pop()
            if definition not in found:
                found.add(definition)
                waiting += self.meaning(definition, choice).named.values()
                waiting += self._on_import(definition.module.name, definition.module)
        return found

    def of_file(self, source: Path) -> Module:
        """The module of a file, which may lie outside the package."""
        path = source.resolve()
        inside = path.is_relative_to(self.root.resolve() / PACKAGE)
        if inside:
            parts = path.relative_to(self.root.resolve()).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            module = self.module(name)
            if module is not None:
                return module
        if path not in self._scripts:
            self._scripts[path] = Module("", source)
        return self._scripts[path]

    def _on_import(self, name: str, module: Module) -> list[Definition]:
        """What importing a reached module does, and what it imports: all effects in order."""
        if name not in self._effects or not name:
            modules, waiting = dict[str, Module](), [module]
            while waiting:
                one = waiting.pop()
                if one.name not in modules:
                    modules[one.name] = one
                    for target in (one.name, *one.run):
                        waiting += self._ancestors(target)
            self._effects[name] = [d for one in modules.values() for d in self.effects(one)]
        return self._effects[name]

    def _ancestors(self, dotted: str) -> Iterator[Module]:
        """The modules and packages that are imported with a dotted name."""
        parts = dotted.split(".")
        for end in range(1, len(parts) + 1):
            module = self.module(".".join(parts[:end]))
            if module is not None:
                yield module

    def _refined(self, found: set[Definition], choice: Choice | None) -> dict[Definition, str]:
        """Digests of definitions, each with those of what it names, however deep.

        Colour refinement: it ends where no further definitions are told apart, in circles too.
        """
        meanings = {definition: self.meaning(definition, choice) for definition in found}
        digests, classes = {d: _hash(m.text.encode()) for d, m in meanings.items()}, 0
        while len(set(digests.values())) > classes:
            classes = len(set(digests.values()))
            digests = {
                d: _hash("\x1f".join([m.text, *_named(m, digests)]).encode())
                for d, m in meanings.items()
            }
        return digests

    def meaning(self, definition: Definition, choice: Choice | None) -> Meaning:
        """What a definition says under the choice of a run."""
        key = (definition, choice)
        if choice is not None and not self.meaning(definition, None).entries:
            key = (definition, None)
        if key not in self._meanings:
            module, name = definition
            place = name.removesuffix(FIELDS)
            nodes = module.effects if place == "*" else [module.definitions[place]]
            fields = name.endswith(FIELDS)
            self._meanings[key] = read_meaning(nodes, self, module, choice, fields=fields)
        return self._meanings[key]

    def resolve(self, dotted: str) -> tuple[str, list[Definition]] | None:
        """Where a dotted name leads, through imports and re-exports.

        Returns:
            The name to write in its place and the definitions that it reaches (none of an
            observer); None: it leads out of the package.
        """
        owner, _, name = dotted.rpartition(".")
        whole = self.module(dotted)
        if whole is not None:
            inner = [] if observes(dotted) else [Definition(whole, n) for n in whole.definitions]
            return dotted.rpartition(".")[2], [*inner, *self.effects(whole)]
        module = self.module(owner)
        if module is None:
            return None
        if name in module.definitions:
            seen = observes(owner) or observes(dotted)
            return name, [] if seen else [Definition(module, name)]
        if name in module.imports:
            # of two imports of one name both count, under the last one's
            found = [self.resolve(one) or (f"<{one}>", []) for one in module.imports[name]]
            return found[-1][0], [definition for _, all_of in found for definition in all_of]
        # bound by what the module does on import, or by its __getattr__
        dynamic = [n for n in ("__getattr__",) if n in module.definitions]
        return name, [*(Definition(module, n) for n in dynamic), *self.effects(module)]

    def effects(self, module: Module) -> list[Definition]:
        """What importing a module does."""
        nothing = observes(module.name) or not module.effects
        return [] if nothing else [Definition(module, "*")]

    def effects_of(self, dotted: str) -> list[Definition]:
        """What importing a dotted name does, with all that is imported with it."""
        modules = list(self._ancestors(dotted))
        return [d for module in modules for d in self._on_import(module.name, module)]

    def everything(self) -> Iterator[Definition]:
        """Every definition of the package, less those of observers."""
        for path in sorted((self.root / PACKAGE).rglob("*.py")):
            module = self.of_file(path)
            if not observes(module.name):
                yield from (Definition(module, name) for name in module.definitions)
                yield from self.effects(module)

    def is_settings(self, definition: Definition) -> bool:
        """Whether a definition is a class of settings."""
        module, name = definition
        node = module.definitions.get(name)
        return isinstance(node, ast.ClassDef) and SETTINGS in self.bases(module, node)

    def bases(self, module: Module, node: ast.ClassDef) -> set[str]:
        """Dotted names of a class's bases within the package, and of theirs."""
        found: set[str] = set()
        for base in node.bases:
            name = ast.unparse(base).split("[")[0]
            found |= self._chain(module, name)
        return found

    def _chain(self, module: Module, name: str) -> set[str]:
        head, _, rest = name.partition(".")
        if head in module.imports:
            dotted = f"{module.imports[head][-1]}.{rest}".rstrip(".")
            owner = self.module(dotted.rpartition(".")[0])
            return set() if owner is None else self._chain(owner, dotted.rpartition(".")[2])
        node = module.definitions.get(head)
        if not isinstance(node, ast.ClassDef):
            return set()
        return {f"{module.name}.{head}"} | self.bases(module, node)


def _named(meaning: Meaning, digests: Mapping[Definition, str]) -> list[str]:
    return sorted(f"{name}={digests[other]}" for name, other in meaning.named.items())


def _is_chosen(entry: tuple[str, str], chosen: Mapping[str, str]) -> bool:
    """Whether a setting that a registry is named by has an entry of it for its value."""
    registry, name = entry
    values = [v for key, v in chosen.items() if f".{key}".endswith(f".{registry}")]
    return name in values or (name.endswith(":") and any(v.startswith(name) for v in values))


def _folders(module: Module) -> Iterator[Path]:
    node = module.definitions.get(PACKAGE_FILES)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        yield module.path.parent / str(node.value.value)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
