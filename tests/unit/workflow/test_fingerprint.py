from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from conta_core.workflow import fingerprint as module
from conta_core.workflow.fingerprint import NEUTRAL, fingerprint, is_neutral, reached_modules

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((REPOSITORY / "workflow_scripts").glob("*.py"))

FILES = {
    "script.py": "from conta_core.stage import run\n\nrun(snakemake.output[0])\n",
    "conta_core/__init__.py": "",
    "conta_core/stage.py": '''"""A stage."""

from conta_core import errors
from conta_core.part.deep import work
from conta_core.settings import Settings
from conta_core.settings.late import COUNT


def run(path):
    """Run."""
    # why
    work(path, 3)
''',
    "conta_core/part/__init__.py": "",
    "conta_core/part/deep.py": "def work(path, count):\n    import conta_core.late\n",
    "conta_core/late.py": "import os\nimport numpy\n",
    "conta_core/errors.py": "class ContaError(Exception): pass\n",
    "conta_core/settings/__init__.py": "from conta_core.settings.base import Settings\n",
    "conta_core/settings/base.py": "class Settings: pass\n",
    "conta_core/settings/late.py": "COUNT = 1\n",
    "conta_core/apart.py": "LIMIT = 3\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(root: Path) -> str:
    """Of the files as they are now: within one process the module reads each file once."""
    for name in ("_tree", "_imports", "_meaning"):
        getattr(module, name).cache_clear()
    return fingerprint(root / "script.py", root)


def test_modules_that_a_script_reaches(root: Path) -> None:
    reached = reached_modules(root / "script.py", root)
    assert reached - {"conta_core", "conta_core.part"} == {
        "conta_core.stage",
        "conta_core.part.deep",
        "conta_core.late",
        "conta_core.errors",
        "conta_core.settings",
        "conta_core.settings.late",
    }


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("script.py", lambda text: text.replace("output[0]", "output[1]")),
        ("conta_core/stage.py", lambda text: text.replace("path, 3", "path, 4")),
        ("conta_core/stage.py", lambda text: text.replace("work(path, 3)", "work(path, 3.0)")),
        ("conta_core/part/deep.py", lambda text: text + "    return 1\n"),
        ("conta_core/late.py", lambda text: text + "X = 'text'\n"),
        ("conta_core/late.py", lambda text: text + "'not a docstring, but no use either'\nX = 1\n"),
    ],
)
def test_an_edit_is_seen(root: Path, name: str, edit: Callable[[str], str]) -> None:
    before = digest(root)
    text = (root / name).read_text()
    (root / name).write_text(edit(text))
    assert digest(root) != before
    (root / name).write_text(text)
    assert digest(root) == before


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("script.py", lambda text: f"# a comment\n\n{text}  # another\n"),
        ("conta_core/stage.py", lambda text: text.replace("# why", "# how\n\n")),
        ("conta_core/stage.py", lambda text: text.replace('"""Run."""', '"""Run it all."""')),
        ("conta_core/stage.py", lambda text: text.replace('    """Run."""\n', "")),
        ("conta_core/stage.py", lambda text: text.replace('"""A stage."""\n', "")),
        ("conta_core/stage.py", lambda text: text.replace("work(path, 3)", "work(\n  path, 3,\n)")),
        ("conta_core/errors.py", lambda text: text + "class Other(Exception): pass\n"),
        ("conta_core/settings/__init__.py", lambda text: text + "__all__ = ['Settings']\n"),
        ("conta_core/settings/base.py", lambda text: text.replace("pass", "count = 1")),
        ("conta_core/settings/late.py", lambda text: text.replace("1", "2")),
        ("conta_core/apart.py", lambda text: text.replace("3", "4")),
    ],
)
def test_an_edit_that_means_nothing_is_not_seen(
    root: Path, name: str, edit: Callable[[str], str]
) -> None:
    before = digest(root)
    text = (root / name).read_text()
    assert edit(text) != text
    (root / name).write_text(edit(text))
    assert digest(root) == before


def test_a_module_that_is_moved_is_seen(root: Path) -> None:
    before = digest(root)
    (root / "conta_core/late.py").rename(root / "conta_core/later.py")
    deep = root / "conta_core/part/deep.py"
    deep.write_text(deep.read_text().replace("late", "later"))
    assert digest(root) != before


def test_it_does_not_hang_on_the_place(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for name, text in FILES.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    assert digest(root) == digest(other)
    assert len(digest(root)) == hashlib.sha256().digest_size * 2


def test_circular_imports_end(root: Path) -> None:
    late = root / "conta_core/late.py"
    late.write_text("import conta_core.stage\n")
    digest(root)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_reaches_its_stage(script: Path) -> None:
    """And no other, but what stages share; gather_store is no stage's."""
    reached = reached_modules(script, REPOSITORY)
    stages = {name for name in reached if name.startswith("conta_core.stages.")}
    own = set() if script.stem == "gather_store" else {f"conta_core.stages.{script.stem}"}
    shared = {"conta_core.stages.image_by_image", "conta_core.stages.predict_images"}
    assert stages - shared == own


def test_only_the_walk_reaches_the_walk() -> None:
    def reaching(name: str) -> set[str]:
        return {s.stem for s in SCRIPTS if f"conta_core.{name}" in reached_modules(s, REPOSITORY)}

    assert reaching("refinement.random_walk") == {"refine_cams"}
    assert reaching("refinement.crf") == {"make_irn_labels", "make_pseudo_masks", "evaluate_crf"}
    assert reaching("causal.conta.attention") == {"deconfound"}


def sources(name: str) -> list[Path]:
    """The file of a module, or every file of a package."""
    place = REPOSITORY.joinpath(*name.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


@pytest.mark.parametrize("name", sorted(NEUTRAL))
def test_neutral_modules_reach_no_other(name: str) -> None:
    """Else a change behind them would go unseen."""
    assert sources(name)
    for source in sources(name):
        assert source.is_file()
        assert all(is_neutral(module) for module in reached_modules(source, REPOSITORY)), source


def test_the_settings_are_a_neutral_package() -> None:
    names = {f"conta_core.settings.{path.stem}" for path in sources("conta_core.settings")}
    assert {"conta_core.settings.__init__", "conta_core.settings.training"} <= names
    assert all(is_neutral(name) for name in names)
    assert not is_neutral("conta_core.settings_of_another_kind")
    assert not is_neutral("conta_core")
