"""The house: its rooms, which room may use which, and what no room may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "conta_core"

#: a package uses those before it, and none after it; `errors` is the one module beside them
ORDER = (
    "errors",
    "runtime",
    "settings",
    "storage",
    "images",
    "data",
    "networks",
    "refinement",
    "causal",
    "workflow",
    "training",
    "seeds",
    "evaluation",
    "stages",
    "tools",
)
MODULES = {
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(LIBRARY.rglob("*.py"))
}


def imported(path: Path, *, on_import: bool) -> Iterator[str]:
    """Dotted names that a file imports: when it is imported itself, or anywhere but for types."""
    tree = ast.parse(path.read_text())
    for_types = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    ]
    for node in tree.body if on_import else ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def test_the_top_of_the_library() -> None:
    assert sorted(path.name for path in LIBRARY.glob("*.py")) == ["__init__.py", "errors.py"]
    packages = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert packages == set(ORDER) - {"errors"}
    assert len(packages) <= 14


@pytest.mark.parametrize("package", ORDER)
def test_a_package_uses_those_before_it_alone(package: str) -> None:
    allowed = ORDER[: ORDER.index(package) + 1]
    upwards = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if module.split(".")[1:2] == [package]
        for name in imported(path, on_import=False)
        if name.startswith("conta_core.") and name.split(".")[1] not in allowed
    ]
    assert not upwards


def test_no_circles_among_imports() -> None:
    graph = {
        module: {name for name in imported(path, on_import=True) if name in MODULES}
        for module, path in MODULES.items()
    }
    while graph:
        leaves = {module for module, names in graph.items() if not names & graph.keys()}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {module: names for module, names in graph.items() if module not in leaves}


def test_the_library_does_not_know_snakemake() -> None:
    found = {
        module
        for module, path in MODULES.items()
        if any(name.split(".")[0] == "snakemake" for name in imported(path, on_import=False))
    }
    assert not found


@pytest.mark.parametrize("script", sorted((REPOSITORY / "workflow_scripts").glob("*.py")))
def test_a_script_is_an_adapter(script: Path) -> None:
    assert len(script.read_text().splitlines()) <= 40
    assert "snakemake.config" not in script.read_text()


def test_unit_tests_mirror_the_library() -> None:
    """A folder of tests is named like the package that it tests."""
    below = REPOSITORY / "tests" / "unit"
    folders = {path.parent.relative_to(below) for path in below.rglob("test_*.py")} - {Path()}
    strange = {str(folder) for folder in folders if not (LIBRARY / folder).is_dir()}
    assert not strange
