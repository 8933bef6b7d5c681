"""The examples of docs/extending.md are run as they stand: each is one file and one line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_runs import CODE, REDUCED, REPOSITORY, Workflow

from conta_core.settings.load import merge
from conta_core.storage.stores.reader import StoreReader

PAGE = (REPOSITORY / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"\*\*`(conta_core/[\w/]+\.py)`\*\*\n\n```python\n(.*?)```", PAGE, re.S))
LINES = dict(
    re.findall(
        r"\*\*`(\w+)` in `conta_core/settings/choices\.py`\*\*\n\n```python\n(.*?)```", PAGE, re.S
    )
)
CHANGES: dict[str, Any] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.S)[-1])

pytestmark = pytest.mark.slow


def extend(code: Path) -> None:
    """Do what the page says."""
    for name, text in FILES.items():
        assert not (code / name).exists()
        (code / name).write_text(text)
    choices = code / "conta_core" / "settings" / "choices.py"
    text = choices.read_text()
    for registry, line in LINES.items():
        start = re.search(rf"^{registry}: .*?\{{\n", text, re.M | re.S)
        assert start is not None
        text = f"{text[: start.end()]}{line}{text[start.end() :]}"
    choices.write_text(text)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    folder = tmp_path_factory.mktemp("extended")
    code, work = folder / "code", folder / "work"
    code.mkdir()
    for name in CODE:
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, code / name)
    extend(code)
    work.mkdir()
    return Workflow(code, work, merge(REDUCED, {"runs": {"toy": CHANGES}}))


def toy(changes: dict[str, Any]) -> dict[str, Any]:
    return {"runs": {"toy": changes}}


def test_the_page_has_one_of_each() -> None:
    assert sorted(FILES) == [
        "conta_core/networks/segmenters/linear.py",
        "conta_core/refinement/blur.py",
        "conta_core/seeds/border.py",
    ]
    assert sorted(LINES) == ["REFINEMENTS", "SEEDS", "SEGMENTATION_NETWORKS"]
    assert len(FILES["conta_core/seeds/border.py"].splitlines()) <= 40


def test_they_run(extended: Workflow) -> None:
    """A whole round with all three, without a stage that they do not need."""
    extended.run()
    folder = extended.directory / "results" / "toy" / "round-0"
    assert (folder / "scores" / "segmentation_crf.json").is_file()
    assert not (folder / "cam" / "model.safetensors").exists()
    assert not (folder / "irn" / "labels.h5").exists()
    with StoreReader(folder / "irn" / "refined.h5", "refined") as store:
        assert store.settings == {"method": "blur", "sigma": 0.5}
    assert extended.stale() == set()


def test_a_key_of_each_makes_its_own_stage_stale(extended: Workflow) -> None:
    first = {"cam": ("width", "extract_cams"), "refinement": ("sigma", "refine_cams")}
    for group, (key, stage) in first.items():
        stale = {work.rule for work in extended.stale(changes=toy({group: {key: 3}}))}
        assert stage in stale
        assert ("extract_cams" in stale) == (group == "cam")
        assert "train_cam" not in stale
    changes = toy({"segmentation": {"learning_rate": 0.1}})
    stale = {work.rule for work in extended.stale(changes=changes)}
    assert "train_deeplab" in stale
    assert "make_pseudo_masks" not in stale


def test_what_a_seed_without_a_classifier_cannot_have(extended: Workflow) -> None:
    for changes, told in (
        ({"rounds": 2}, "rounds is 2"),
        ({"context": {"method": "intervention"}}, "context.method is intervention"),
    ):
        done = extended.start("-n", changes=toy(changes))
        assert done.returncode != 0
        assert "cam.method is 'border', which trains no classifier" in done.stdout
        assert told in done.stdout
