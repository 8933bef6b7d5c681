"""The library holds nothing that the staleness fingerprint could not follow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[3] / "conta_core"
MODULES = sorted(LIBRARY.rglob("*.py"))
#: calls that find a definition by its name at run time, or run a text
HIDDEN = {"globals", "vars", "locals", "exec", "eval", "compile", "singledispatch"}
#: where names are found at run time for a reason: Choice (the fingerprint reads its strings)
ALLOWED = {("runtime/registry.py", "resolve_name")}
#: imports of modules whose functions find modules by name
FINDERS = {"importlib", "pkgutil", "runpy"}


def hidden(path: Path) -> Iterator[str]:
    """What a module does that hides a definition."""
    place = str(path.relative_to(LIBRARY))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level or any(alias.name == "*" for alias in node.names):
                yield f"line {node.lineno}: a relative import, or one of everything"
            if (node.module or "").split(".")[0] in FINDERS:
                names = [alias.name for alias in node.names if (place, alias.name) not in ALLOWED]
                found = [name for name in names if name not in ("resources", "metadata", "version")]
                if found:
                    yield f"line {node.lineno}: imports {found[0]}, which finds modules by name"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in HIDDEN:
                yield f"line {node.lineno}: calls {node.func.id}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.modules":
            yield f"line {node.lineno}: reads sys.modules"


def test_nothing_is_hidden() -> None:
    found = {str(path.relative_to(LIBRARY)): list(hidden(path)) for path in MODULES}
    assert not {path: reasons for path, reasons in found.items() if reasons}


@pytest.mark.parametrize(
    "text",
    [
        "from conta_core.errors import *",
        "from . import errors",
        "import sys\nsys.modules['x']",
        "value = globals()['x']",
        "from importlib import import_module",
        "from pkgutil import resolve_name",
    ],
)
def test_what_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.LIBRARY", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(text)
    assert list(hidden(path))
