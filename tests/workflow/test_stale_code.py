"""What each edit of the code makes stale, no more and no less."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stale_work import (
    FROM_BUILD_CONFOUNDERS,
    FROM_DECONFOUND,
    FROM_EVALUATE_CRF,
    FROM_EXTRACT_CAMS,
    FROM_INDEX_DATASET,
    FROM_MAKE_IRN_LABELS,
    FROM_MEASURE_OBJECTS,
    FROM_REFINE_CAMS,
    FROM_TRAIN_CAM,
    FROM_TRAIN_DEEPLAB,
    NOTHING,
    SUMMARISE,
    once_a_run,
    statement,
)
from tiny_runs import Work, Workflow, edited

pytestmark = pytest.mark.slow


def comment(text: str) -> str:
    return f"# a comment\n{text}\n# another\n"


def docstring(text: str) -> str:
    assert text.startswith('"""')
    return text.replace('"""', '"""Edited: ', 1)


#: module -> exactly what runs after an edit of it
MODULES: dict[str, set[Work]] = {
    "refinement/random_walk.py": FROM_REFINE_CAMS,
    "refinement/crf.py": FROM_MAKE_IRN_LABELS | FROM_EVALUATE_CRF,
    "causal/conta/confounders.py": FROM_BUILD_CONFOUNDERS,
    "causal/conta/attention.py": FROM_DECONFOUND,
    "networks/deeplab.py": FROM_TRAIN_DEEPLAB,
    "seeds/cams.py": FROM_EXTRACT_CAMS,
    "causal/intervention/pixels.py": FROM_TRAIN_CAM,
    "causal/intervention/occlusion.py": FROM_MEASURE_OBJECTS,
    "evaluation/report/plots.py": once_a_run(SUMMARISE),
    "data/manifest.py": FROM_INDEX_DATASET,
    "runtime/progress.py": NOTHING,
    "runtime/progress_bar.py": NOTHING,
    "settings/training.py": NOTHING,
    "training/model_training.py": FROM_TRAIN_CAM,
    "settings/render.py": NOTHING,
}


@pytest.mark.parametrize("module", MODULES)
def test_edit_of_a_module(finished: Workflow, module: str) -> None:
    with edited(finished.code / "conta_core" / module, statement):
        assert finished.stale() == MODULES[module]


@pytest.mark.parametrize("edit", [comment, docstring])
def test_edit_that_means_nothing(finished: Workflow, edit: Callable[[str], str]) -> None:
    with edited(finished.code / "conta_core" / "refinement/random_walk.py", edit):
        assert finished.stale() == NOTHING


def test_edits_undone(finished: Workflow) -> None:
    for module in ("refinement/random_walk.py", "refinement/crf.py"):
        with edited(finished.code / "conta_core" / module, statement):
            pass
    assert finished.stale() == NOTHING


def test_edit_of_a_script(finished: Workflow) -> None:
    with edited(finished.code / "workflow_scripts" / "refine_cams.py", statement):
        assert finished.stale() == FROM_REFINE_CAMS


def test_code_comparison_switched_off(finished: Workflow) -> None:
    triggers = ("--rerun-triggers", "mtime", "params", "input", "software-env")
    with edited(finished.code / "conta_core" / "refinement/random_walk.py", statement):
        assert finished.stale(*triggers) == NOTHING
    walk = {"walk": {"beta": 8.0}}
    assert finished.stale(*triggers, changes=walk) == FROM_REFINE_CAMS
