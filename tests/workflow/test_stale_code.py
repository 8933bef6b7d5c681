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
    FROM_TRAIN_CAM_OF_INTERVENTION,
    FROM_TRAIN_DEEPLAB,
    NOTHING,
    SUMMARISE,
    once_a_run,
    statement,
    statement_in,
)
from tiny_runs import Work, Workflow, edited

pytestmark = pytest.mark.slow
WALK = "conta_core/refinement/random_walk.py"


def comment(text: str) -> str:
    return f"# a comment\n{text}\n# another\n"


def docstring(text: str) -> str:
    assert text.startswith('"""')
    return text.replace('"""', '"""Edited: ', 1)


#: module and definition -> exactly what runs after an edit of it
DEFINITIONS: dict[tuple[str, str], set[Work]] = {
    ("refinement/random_walk.py", "random_walk"): FROM_REFINE_CAMS,
    ("refinement/crf.py", "_Field"): FROM_MAKE_IRN_LABELS | FROM_EVALUATE_CRF,
    ("refinement/crf.py", "refine_probabilities"): FROM_EVALUATE_CRF,
    ("causal/conta/confounders.py", "build_confounder_set"): FROM_BUILD_CONFOUNDERS,
    ("causal/conta/attention.py", "ContextAttention"): FROM_DECONFOUND,
    ("networks/segmenters/deeplab_v2.py", "DeepLab"): FROM_TRAIN_DEEPLAB,
    ("networks/backbones/lite.py", "efficientnet_lite0"): FROM_TRAIN_CAM,
    ("networks/backbones/resnets.py", "resnet"): NOTHING,
    # variants that no run has chosen
    ("networks/backbones/vision_transformers.py", "TransformerBackbone"): NOTHING,
    ("networks/segmenters/segformer.py", "SegFormer"): NOTHING,
    ("refinement/pamr.py", "pamr"): NOTHING,
    ("seeds/clip_es.py", "ClipEs"): NOTHING,
    ("seeds/recam_training.py", "softmax_loss"): NOTHING,
    ("seeds/seam_losses.py", "seam_losses"): NOTHING,
    ("networks/pixel_correlation.py", "correlate"): NOTHING,
    ("seeds/cams.py", "extract"): FROM_EXTRACT_CAMS,
    ("causal/intervention/pixels.py", "paste"): FROM_TRAIN_CAM_OF_INTERVENTION,
    ("causal/intervention/occlusion.py", "score_drops"): FROM_MEASURE_OBJECTS,
    ("evaluation/report/plots.py", "plot"): once_a_run(SUMMARISE),
    ("data/manifest.py", "Manifest"): FROM_INDEX_DATASET,
    ("data/readers/coco.py", "read_coco"): NOTHING,
    ("runtime/progress.py", "track"): NOTHING,
    ("runtime/progress_bar.py", "Bar"): NOTHING,
    ("training/previews.py", "Previews"): NOTHING,
    ("training/training_log.py", "TrainingLog"): NOTHING,
    ("training/model_training.py", "ModelTraining"): FROM_TRAIN_CAM,
    ("settings/render.py", "render_config"): NOTHING,
}


@pytest.mark.parametrize("definition", DEFINITIONS, ids="-".join)
def test_edit_of_a_definition(finished: Workflow, definition: tuple[str, str]) -> None:
    module, name = definition
    with edited(finished.code / "conta_core" / module, statement_in(name)):
        assert finished.stale() == DEFINITIONS[definition]


@pytest.mark.parametrize("edit", [comment, docstring, statement])
def test_edit_that_means_nothing(finished: Workflow, edit: Callable[[str], str]) -> None:
    """The statement stands in the module, and nothing names what it defines."""
    with edited(finished.code / WALK, edit):
        assert finished.stale() == NOTHING


def test_a_module_that_is_moved(finished: Workflow) -> None:
    """A walk that lies elsewhere under another name makes nothing stale."""
    user, place = finished.code / "conta_core/refinement/irn.py", finished.code / WALK
    moved = finished.code / "conta_core/images/drawing/walk.py"

    def import_from_there(text: str) -> str:
        return text.replace("conta_core.refinement.random_walk", "conta_core.images.drawing.walk")

    assert import_from_there(user.read_text()) != user.read_text()
    with edited(user, import_from_there):
        place.rename(moved)
        try:
            assert finished.stale() == NOTHING
            with edited(moved, statement_in("random_walk")):
                assert finished.stale() == FROM_REFINE_CAMS
        finally:
            moved.rename(place)


def test_a_new_variant(finished: Workflow) -> None:
    """One line more in each registry makes nothing stale."""

    def add(text: str) -> str:
        names = '"conta_core.seeds.recam.Recam", "conta_core.settings.cam.CamSettings"'
        line = f'        "new": Choice({names}),'
        return text.replace("    {\n", f"    {{\n{line}\n")

    with edited(finished.code / "conta_core" / "settings" / "choices.py", add):
        assert finished.stale() == NOTHING


def test_edits_undone(finished: Workflow) -> None:
    for name in ("random_walk", "transition_matrix"):
        with edited(finished.code / WALK, statement_in(name)):
            pass
    assert finished.stale() == NOTHING


def test_edit_of_a_script(finished: Workflow) -> None:
    with edited(finished.code / "workflow_scripts" / "refine_cams.py", statement):
        assert finished.stale() == FROM_REFINE_CAMS


def test_code_comparison_switched_off(finished: Workflow) -> None:
    triggers = ("--rerun-triggers", "mtime", "params", "input", "software-env")
    with edited(finished.code / WALK, statement_in("random_walk")):
        assert finished.stale(*triggers) == NOTHING
    walk = {"refinement": {"beta": 8.0}}
    assert finished.stale(*triggers, changes=walk) == FROM_REFINE_CAMS
