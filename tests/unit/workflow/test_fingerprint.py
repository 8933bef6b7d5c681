"""The fingerprint reaches definitions: what it sees, what it is blind to, what it follows."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from conta_core import workflow
from conta_core.workflow.fingerprint import OBSERVERS, fingerprint, fingerprint_of, reached

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((REPOSITORY / "workflow_scripts").glob("*.py"))

FILES = {
    "script.py": (
        "from conta_core.settings.base import Group\nfrom conta_core.stage import run\n\n"
        "run(snakemake.output[0], snakemake.read(Group))\n"
    ),
    "conta_core/__init__.py": "",
    "conta_core/stage.py": '''"""A stage."""

import logging

import numpy as np

from conta_core import tool
from conta_core.errors import ContaError
from conta_core.networks import NETWORKS
from conta_core.part.deep import Child as Kind
from conta_core.part.deep import work
from conta_core.settings.base import Group

LOGGER = logging.getLogger(__name__)
LIMIT = 3
UNUSED = 4


def run(path: str, group: Group) -> None:
    """Run."""
    # why
    LOGGER.info("run %s", path)
    if group.count > LIMIT:
        raise ContaError(f"{path}: too many, {describe(path)}")
    for item in tool.track(range(3)):
        work(path, np.zeros(3), tool.LEVEL)
    NETWORKS["one"](Kind())


def describe(path):
    return path.upper()


def unused():
    return 1
''',
    "conta_core/tool.py": "from conta_core.runtime.progress import track\n\nLEVEL = 7\nOTHER = 8\n",
    "conta_core/networks.py": (
        "from conta_core.runtime.registry import Registry\n\n"
        "def one(x):\n    return x\n\n\ndef two(x):\n    return x\n\n\n"
        'NETWORKS = Registry("network", {"one": one, "two": two, "any:": lambda x: late(x)})\n\n\n'
        "def late(x):\n    return x\n"
    ),
    "conta_core/part/__init__.py": "",
    "conta_core/part/deep.py": (
        "from conta_core.training.objective import Objective\n\n"
        "def work(path, count, level):\n    from conta_core.late import value\n\n"
        "    return value\n\n\n"
        "class Child(Objective):\n"
        "    def forward(self):\n        return 1\n\n"
        "    def preview(self):\n        return 2\n"
    ),
    "conta_core/late.py": "value: int = 5\n",
    "conta_core/errors.py": "class ContaError(Exception): pass\n",
    "conta_core/runtime/__init__.py": "",
    "conta_core/runtime/progress.py": "def track(items):\n    return items\n",
    "conta_core/runtime/registry.py": "class Registry: pass\n",
    "conta_core/settings/__init__.py": "",
    "conta_core/settings/base.py": (
        "class Settings: pass\n\n\n"
        "class Inner(Settings):\n    share: float = 0.5\n\n"
        "    @property\n    def half(self):\n        return self.share / 2\n\n\n"
        "class Group(Settings):\n    count: int = 2\n    inner: Inner = Inner()\n"
    ),
    "conta_core/training/__init__.py": "",
    "conta_core/training/objective.py": (
        "class Objective:\n    def preview(self):\n        return 0\n"
    ),
    "conta_core/apart.py": "LIMIT = 3\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(root: Path, chosen: dict[str, str] | None = None) -> str:
    """Of the files as they are now: within one process each file is read once."""
    workflow.fingerprint._package.cache_clear()
    return fingerprint(root / "script.py", root, chosen)


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert text.count(old) >= 1, f"{name} has no {old!r}"
    (root / name).write_text(text.replace(old, new))


def test_definitions_that_a_script_reaches(root: Path) -> None:
    workflow.fingerprint._package.cache_clear()
    assert reached(root / "script.py", root) == {
        "conta_core.stage.run",
        "conta_core.stage.LIMIT",
        "conta_core.tool.LEVEL",
        "conta_core.part.deep.work",
        "conta_core.part.deep.Child",
        "conta_core.training.objective.Objective",
        "conta_core.late.value",
        "conta_core.networks.NETWORKS",
        "conta_core.networks.one",
        "conta_core.networks.two",
        "conta_core.networks.late",
        "conta_core.runtime.registry.Registry",
        "conta_core.settings.base.Group",
        "conta_core.settings.base.Inner",
        "conta_core.settings.base.Settings",
    }


SEEN = {
    "script": ("script.py", "output[0]", "output[1]"),
    "statement": ("conta_core/stage.py", "range(3)", "range(4)"),
    "type of a number": ("conta_core/stage.py", "zeros(3)", "zeros(3.0)"),
    "constant": ("conta_core/stage.py", "LIMIT = 3", "LIMIT = 5"),
    "zero for false": ("conta_core/stage.py", "LIMIT = 3", "LIMIT = False"),
    "constant of a module that is named": ("conta_core/tool.py", "LEVEL = 7", "LEVEL = 9"),
    "import within a function": ("conta_core/late.py", "5", "6"),
    "method": ("conta_core/part/deep.py", "return 1", "return 3"),
    "another library": ("conta_core/stage.py", "import numpy as np", "import torch as np"),
    "on import": ("conta_core/late.py", "value: int = 5", "value: int = 5\nprint(value)"),
    "method of settings": ("conta_core/settings/base.py", "/ 2", "/ 3"),
    "two names swapped": ("conta_core/stage.py", "group.count > LIMIT", "LIMIT > group.count"),
    "dynamic import": ("conta_core/late.py", "5", "__import__('conta_core.apart')"),
}


@pytest.mark.parametrize("case", SEEN)
def test_an_edit_is_seen(root: Path, case: str) -> None:
    name, old, new = SEEN[case]
    before, text = digest(root), (root / name).read_text()
    edit(root, name, old, new)
    assert digest(root) != before
    (root / name).write_text(text)
    assert digest(root) == before


UNSEEN = {
    "comment": ("conta_core/stage.py", "# why", "# how\n\n"),
    "docstring": ("conta_core/stage.py", '"""Run."""', '"""Run it all."""'),
    "no docstring": ("conta_core/stage.py", '    """Run."""\n', ""),
    "docstring of the module": ("conta_core/stage.py", '"""A stage."""\n', ""),
    "layout": ("conta_core/stage.py", "np.zeros(3), tool", "np.zeros(\n  3,\n), tool"),
    "annotation": ("conta_core/stage.py", "path: str", "path: object"),
    "log": ("conta_core/stage.py", '"run %s"', '"running %s"'),
    "message of an error": ("conta_core/stage.py", "too many", "too few"),
    "what a message calls": ("conta_core/stage.py", "path.upper()", "path.lower()"),
    "another definition": ("conta_core/stage.py", "return 1", "return 2"),
    "another constant": ("conta_core/stage.py", "UNUSED = 4", "UNUSED = 5"),
    "another constant elsewhere": ("conta_core/tool.py", "OTHER = 8", "OTHER = 9"),
    "a new definition": ("conta_core/late.py", "value: int = 5", "value: int = 5\nnew = 2"),
    "observer": ("conta_core/runtime/progress.py", "return items", "return list(items)"),
    "observing method": ("conta_core/part/deep.py", "return 2", "return 3"),
    "value of settings": ("conta_core/settings/base.py", "= 0.5", "= 0.6"),
    "module apart": ("conta_core/apart.py", "3", "4"),
    "alias": ("conta_core/stage.py", "Kind", "Sort"),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_an_edit_that_means_nothing_is_not_seen(root: Path, case: str) -> None:
    name, old, new = UNSEEN[case]
    before = digest(root)
    edit(root, name, old, new)
    assert digest(root) == before


def test_a_module_that_is_moved_is_not_seen(root: Path) -> None:
    before = digest(root)
    (root / "conta_core/late.py").rename(root / "conta_core/part/later.py")
    edit(root, "conta_core/part/deep.py", "conta_core.late", "conta_core.part.later")
    assert digest(root) == before


def test_a_definition_that_is_moved_is_not_seen(root: Path) -> None:
    before = digest(root)
    edit(root, "conta_core/stage.py", "LIMIT = 3\n", "from conta_core.apart import LIMIT\n")
    assert digest(root) == before


def test_two_definitions_of_one_name_are_told_apart(root: Path) -> None:
    """Each use is seen with what it leads to, so that two uses cannot change places."""
    (root / "conta_core/late.py").write_text("from conta_core import apart, tool\n\nvalue = 1\n")
    (root / "conta_core/apart.py").write_text("def half(x):\n    return x / 2\n")
    (root / "conta_core/tool.py").write_text(
        FILES["conta_core/tool.py"] + "\n\ndef half(x):\n    return x // 2\n"
    )
    edit(root, "conta_core/late.py", "value = 1", "value = apart.half(3) - tool.half(4)")
    before = digest(root)
    edit(root, "conta_core/late.py", "apart.half(3) - tool.half(4)", "tool.half(3) - apart.half(4)")
    assert digest(root) != before


def test_an_entry_of_a_registry_counts_where_it_is_chosen(root: Path) -> None:
    chosen = {"model.network": "one", "other": "two"}
    digests = digest(root, chosen), digest(root, {"network": "two"}), digest(root)
    assert len(set(digests)) == 3
    edit(root, "conta_core/networks.py", "def two(x):\n    return x", "def two(x):\n    return 2")
    after = digest(root, chosen), digest(root, {"network": "two"}), digest(root)
    assert [a == b for a, b in zip(digests, after, strict=True)] == [True, False, False]


def test_a_new_entry_of_a_registry_is_not_seen_by_others(root: Path) -> None:
    before = digest(root, {"network": "one"})
    edit(root, "conta_core/networks.py", '"two": two', '"two": two, "three": lambda x: 3')
    assert digest(root, {"network": "one"}) == before
    assert digest(root, {"network": "three"}) != before


def test_an_entry_that_stands_for_a_beginning(root: Path) -> None:
    before = digest(root, {"network": "any:thing"})
    edit(root, "conta_core/networks.py", "late(x):\n    return x", "late(x):\n    return 1")
    assert digest(root, {"network": "any:thing"}) != before
    assert digest(root, {"network": "one"}) == digest(root, {"network": "one", "x": "any:a"})


def test_a_word_of_another_key_chooses_nothing(root: Path) -> None:
    """`none` is a value of many keys."""
    one = {"network": "one"}
    assert digest(root, one) == digest(root, {**one, "balance": "two", "my_network": "two"})


@pytest.mark.parametrize(
    "bound",
    ["try:\n    value = 5\nexcept ValueError:\n    pass\n", "value = 5\nvalue = value + 1\n"],
)
def test_a_name_that_is_bound_in_another_way(root: Path, bound: str) -> None:
    (root / "conta_core/late.py").write_text(bound)
    before = digest(root)
    edit(root, "conta_core/late.py", "5", "6")
    assert digest(root) != before


def test_settings_that_code_makes_itself_count_with_their_defaults(root: Path) -> None:
    edit(root, "conta_core/stage.py", "tool.LEVEL", "Group().count")
    for old, new in (("count: int = 2", "count: int = 3"), ("= 0.5", "= 0.6")):
        before = digest(root)
        edit(root, "conta_core/settings/base.py", old, new)
        assert digest(root) != before


#: changes places of two things that look alike; both are reached before and after
TWINS = {
    "bodies that name others": (
        "def half(x):\n    return x * C\n\n\nC = {}\n",
        "apart.half(3) - tool2.half(4)",
        "tool2.half(3) - apart.half(4)",
    ),
    "constants made of others": (
        "C = {}\nhalf = C * 2\n",
        "apart.half - tool2.half",
        "tool2.half - apart.half",
    ),
}


@pytest.mark.parametrize("case", TWINS)
def test_twins_that_name_others_are_told_apart(root: Path, case: str) -> None:
    text, old, new = TWINS[case]
    (root / "conta_core/apart.py").write_text(text.format(1))
    (root / "conta_core/tool2.py").write_text(text.format(2))
    (root / "conta_core/late.py").write_text(
        f"from conta_core import apart, tool2\n\n\nvalue = {old}\n"
    )
    before = digest(root)
    edit(root, "conta_core/late.py", old, new)
    assert digest(root) != before


def test_a_variable_is_not_a_definition_of_its_name(root: Path) -> None:
    (root / "conta_core/late.py").write_text(
        "from conta_core import apart\n\n\ndef value(LIMIT):\n    return apart.LIMIT - LIMIT\n"
    )
    before = digest(root)
    edit(root, "conta_core/late.py", "apart.LIMIT - LIMIT", "LIMIT - apart.LIMIT")
    assert digest(root) != before


#: each reaches LIMIT of `apart`, whose edit must be seen
WAYS = {
    "two imports in a function": (
        "def value(k):\n    if k:\n        from conta_core.apart import LIMIT\n    else:\n"
        "        from conta_core.tool import LEVEL as LIMIT\n    return LIMIT\n"
    ),
    "two imports of a module": (
        "try:\n    from conta_core.apart import LIMIT\nexcept ImportError:\n"
        "    from conta_core.tool import LEVEL as LIMIT\n\n\ndef value():\n    return LIMIT\n"
    ),
    "an import of one method, a use in another": (
        "from conta_core.apart import LIMIT\n\n\nclass value:\n    def a(self):\n"
        "        from conta_core.tool import LEVEL as LIMIT\n        return LIMIT\n\n"
        "    def b(self):\n        return LIMIT\n"
    ),
    "the other case of types": (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    LIMIT = 1\nelse:\n"
        "    from conta_core.apart import LIMIT\n\n\ndef value():\n    return LIMIT\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_a_definition_counts(root: Path, way: str) -> None:
    (root / "conta_core/late.py").write_text(WAYS[way])
    before = digest(root)
    edit(root, "conta_core/apart.py", "3", "4")
    assert digest(root) != before


#: where an effect on import stands -> the line that runs
EFFECTS = {
    "conta_core/__init__.py": "print(1)\n",
    "conta_core/part/__init__.py": "print(1)\n",
    "conta_core/runtime/__init__.py": "print(1)\n",
    "conta_core/tool.py": "\n_ = print(1)\n",
}


@pytest.mark.parametrize("place", EFFECTS)
def test_what_an_import_does_counts(root: Path, place: str) -> None:
    before = digest(root)
    (root / place).write_text((root / place).read_text() + EFFECTS[place])
    changed = digest(root)
    assert changed != before
    edit(root, place, "print(1)", "print(2)")
    assert digest(root) not in (before, changed)


def test_a_module_as_a_value_counts_whole(root: Path) -> None:
    edit(root, "conta_core/stage.py", "tool.LEVEL", "vars(tool)")
    before = digest(root)
    edit(root, "conta_core/tool.py", "OTHER = 8", "OTHER = 9")
    assert digest(root) != before


def test_files_of_the_package_count_beside_their_module(root: Path) -> None:
    (root / "conta_core/pages").mkdir()
    (root / "conta_core/pages/a.html").write_text("<p>")
    edit(root, "conta_core/late.py", "value", 'PACKAGE_FILES = "pages"\nvalue')
    before = digest(root)
    (root / "conta_core/pages/a.html").write_text("<b>")
    assert digest(root) != before


def test_it_does_not_hang_on_the_place(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for path in root.rglob("*.py"):
        copy = other / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    assert digest(root) == digest(other)
    assert re.fullmatch("[0-9a-f]{64}", digest(root))


def test_circular_imports_end(root: Path) -> None:
    edit(root, "conta_core/late.py", "value", "import conta_core.stage\n\nvalue")
    digest(root)


def _measure(count: int) -> int:
    return count + _OFFSET


_OFFSET = 2


def test_of_a_function() -> None:
    assert fingerprint_of(_measure, REPOSITORY) == fingerprint_of(_measure, REPOSITORY)
    assert fingerprint_of(_measure, REPOSITORY) != fingerprint_of(edit, REPOSITORY)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_reaches_its_stage(script: Path) -> None:
    """And no other, but what stages share; gather_store is no stage's."""
    modules = {name.rpartition(".")[0] for name in reached(script, REPOSITORY)}
    stages = {name for name in modules if name.startswith("conta_core.stages.")}
    own = set() if script.stem == "gather_store" else {f"conta_core.stages.{script.stem}"}
    shared = {
        f"conta_core.stages.{name}"
        for name in ("image_by_image", "predict_images", "train_classifier")
    }
    assert stages - shared == own


REACHING = {
    "refinement.random_walk.random_walk": {"refine_cams"},
    "refinement.crf.refine_labels": {"make_irn_labels", "make_pseudo_masks"},
    "refinement.crf.refine_probabilities": {"evaluate_crf"},
    "causal.conta.attention.ContextAttention": {"deconfound"},
    "causal.methods.intervention.OBJECT_KEYS": set(),
    "training.engine.train": {"train_cam", "train_recam", "train_irn", "train_deeplab"},
    "training.previews.heat_over": set(),
}


@pytest.mark.parametrize("name", REACHING)
def test_scripts_that_reach_a_definition(name: str) -> None:
    module, _, definition = f"conta_core.{name}".rpartition(".")
    assert hasattr(import_module(module), definition)
    scripts = {s.stem for s in SCRIPTS if f"conta_core.{name}" in reached(s, REPOSITORY)}
    assert scripts == REACHING[name]


@pytest.mark.parametrize(("chosen", "other"), [("resnet50", "timm:"), ("timm:x", "resnet50")])
def test_a_run_reaches_the_backbone_that_it_chooses(chosen: str, other: str) -> None:
    script = REPOSITORY / "workflow_scripts/train_deeplab.py"
    makers = {
        "timm:": "conta_core.networks.backbones.timm_networks.timm_network",
        "resnet50": "conta_core.networks.backbones.resnets.resnet",
    }
    own = makers["timm:" if chosen.startswith("timm:") else chosen]
    found = reached(script, REPOSITORY, {"segmentation.backbone": chosen})
    assert own in found
    assert makers[other] not in found


def test_every_import_of_the_library_leads_to_a_definition() -> None:
    """What is not found would be taken for another library's, and its edits would go unseen."""
    package = workflow.fingerprint._package(REPOSITORY)
    for path in sorted((REPOSITORY / "conta_core").rglob("*.py")):
        module = package.of_file(path)
        for dotted in (one for several in module.imports.values() for one in several):
            if dotted.split(".")[0] == "conta_core":
                found = package.resolve(dotted)
                assert found is not None, f"{path}: {dotted}"
                assert not found[0].startswith("<"), f"{path}: {dotted}"


@pytest.mark.parametrize(("chosen", "reaches"), [("intervention", True), ("conta", False)])
def test_a_run_reaches_the_method_that_it_chooses(chosen: str, reaches: bool) -> None:
    script = REPOSITORY / "workflow_scripts/train_cam.py"
    paste = "conta_core.causal.intervention.pixels.paste"
    assert (paste in reached(script, REPOSITORY, {"context.method": chosen})) == reaches


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_observers_are_there(name: str) -> None:
    """A name that is not there would leave nothing out, or hide what takes it later."""
    parts = name.split(".")
    place: object = None
    for end in range(len(parts), 0, -1):
        try:
            place = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            place = getattr(place, part)
        break
    assert place is not None
