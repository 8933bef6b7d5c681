"""The table: what each change of a key makes stale, no more and no less."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

import pytest
from stale_work import (
    BUILD_CONFOUNDERS,
    EVERYTHING,
    FROM_BUILD_CONFOUNDERS,
    FROM_DECONFOUND,
    FROM_EVALUATE_CRF,
    FROM_EVALUATE_RELIANCE,
    FROM_EXTRACT_CAMS,
    FROM_INDEX_DATASET,
    FROM_MAKE_IRN_LABELS,
    FROM_MAKE_PSEUDO_MASKS,
    FROM_MAKE_PSEUDO_MASKS_OF_INTERVENTION,
    FROM_MEASURE_OBJECTS,
    FROM_REFINE_CAMS,
    FROM_TRAIN_CAM,
    FROM_TRAIN_CAM_OF_INTERVENTION,
    FROM_TRAIN_CAM_WITH_CONTEXT,
    FROM_TRAIN_DEEPLAB,
    FROM_TRAIN_DEEPLAB_OF_INTERVENTION,
    FROM_TRAIN_IRN,
    GATHERED,
    MAKE_CONTEXT_SHAPES,
    MEASURE_OBJECTS,
    NOTHING,
    REFINE_CAMS,
    SUMMARISE,
    TRAIN_CAM,
    control_from,
    jobs,
    once_a_run,
)
from tiny_runs import Work, Workflow, messages, parse_dry_run

from conta_core.settings import Experiment

pytestmark = pytest.mark.slow

#: a change of the config -> exactly what runs; of keys that the params of the same rules hold,
#: which `GROUPS` states of every key, one stands for all
CHANGES: dict[str, tuple[dict[str, Any], set[Work]]] = {
    # the evaluation's CRF
    "crf.iterations": ({"crf": {"iterations": 2}}, FROM_EVALUATE_CRF),
    # the segmentation
    "segmentation.learning_rate": ({"segmentation": {"learning_rate": 0.01}}, FROM_TRAIN_DEEPLAB),
    # pseudo-masks
    "pseudo_masks.background_threshold": (
        {"pseudo_masks": {"background_threshold": 0.4}},
        FROM_MAKE_PSEUDO_MASKS,
    ),
    # the walk
    "refinement.beta": ({"refinement": {"beta": 8.0}}, FROM_REFINE_CAMS),
    "refinement.inference_pad": ({"refinement": {"inference_pad": 512}}, FROM_REFINE_CAMS),
    # IR labels and the IRN
    "irn.epochs": ({"irn": {"epochs": 2}}, FROM_TRAIN_IRN),
    "irn.foreground_threshold": ({"irn": {"foreground_threshold": 0.4}}, FROM_MAKE_IRN_LABELS),
    "irn.label_crf.iterations": ({"irn": {"label_crf": {"iterations": 2}}}, FROM_MAKE_IRN_LABELS),
    # the classifier
    "cam.scales": ({"cam": {"scales": [1.0, 0.5]}}, FROM_EXTRACT_CAMS),
    "cam.learning_rate": ({"cam": {"learning_rate": 0.02}}, FROM_TRAIN_CAM),
    # the reliance
    "reliance_images": ({"reliance_images": 3}, FROM_EVALUATE_RELIANCE),
    "reliance_images, none": ({"reliance_images": 0}, once_a_run(SUMMARISE)),
    # the causal step: nothing of the control
    "context.size": ({"context": {"size": [8, 6]}}, FROM_BUILD_CONFOUNDERS),
    "context.source": ({"context": {"source": "pseudo_masks"}}, FROM_BUILD_CONFOUNDERS),
    "context.oracle_masks": ({"context": {"oracle_masks": True}}, FROM_BUILD_CONFOUNDERS),
    "context.prior": (
        {"context": {"prior": "empirical"}},
        FROM_BUILD_CONFOUNDERS | FROM_TRAIN_CAM_OF_INTERVENTION,
    ),
    "context.steps": ({"context": {"steps": 6}}, FROM_DECONFOUND),
    "context.learning": (
        {"context": {"learning": "classifier"}},
        jobs("conta", {1: TRAIN_CAM | {"build_confounders"}, 2: TRAIN_CAM, None: SUMMARISE}),
    ),
    "context.block": ({"context": {"block": 4}}, FROM_TRAIN_CAM_WITH_CONTEXT),
    "context.scaling": ({"context": {"scaling": "none"}}, FROM_TRAIN_CAM_WITH_CONTEXT),
    "context.intervention.recombined": (
        {"context": {"intervention": {"recombined": 0.3}}},
        FROM_TRAIN_CAM_OF_INTERVENTION,
    ),
    "context.intervention.segmentation_recombined": (
        {"context": {"intervention": {"segmentation_recombined": 0.3}}},
        FROM_TRAIN_DEEPLAB_OF_INTERVENTION,
    ),
    "context.intervention.segmentation_recombined, none": (
        {"context": {"intervention": {"segmentation_recombined": 0.0}}},
        FROM_TRAIN_DEEPLAB_OF_INTERVENTION,
    ),
    "context.intervention.threshold": (
        {"context": {"intervention": {"threshold": "fixed"}}},
        FROM_MAKE_PSEUDO_MASKS_OF_INTERVENTION,
    ),
    "context.intervention.object_masks": (
        {"context": {"intervention": {"object_masks": "truth"}}},
        jobs("intervention", {1: TRAIN_CAM, None: SUMMARISE}),
    ),
    "context.intervention.ownership": (
        {"context": {"intervention": {"ownership": "ignored"}}},
        jobs("intervention", {1: TRAIN_CAM, None: SUMMARISE}),
    ),
    "context.intervention.balance": (
        {"context": {"intervention": {"balance": "propensity"}}},
        FROM_MEASURE_OBJECTS,
    ),
    "context.method, none to intervention": (
        {"runs": {"control": {"context": {"method": "intervention"}}}},
        jobs(
            "control",
            {0: MEASURE_OBJECTS, 1: TRAIN_CAM | MEASURE_OBJECTS, None: SUMMARISE},
        ),
    ),
    "context.method, none to conta": (
        {"runs": {"control": {"context": {"method": "conta"}}}},
        jobs("control", {0: BUILD_CONFOUNDERS, 1: TRAIN_CAM, None: SUMMARISE}),
    ),
    "context.method, conta to none": (
        {"runs": {"conta": {"context": {"method": "none"}}}},
        jobs("conta", {1: TRAIN_CAM, 2: TRAIN_CAM, None: SUMMARISE}),
    ),
    # the data set
    "dataset.allow_untagged": ({"dataset": {"allow_untagged": True}}, FROM_INDEX_DATASET),
    "dataset.long_side": ({"dataset": {"long_side": 64}}, FROM_INDEX_DATASET),
    "dataset.confounding": ({"dataset": {"confounding": 0.5}}, EVERYTHING),
    "seed": ({"seed": 1}, EVERYTHING),
    # rounds
    "rounds, 3 to 4": (
        {"runs": {"conta": {"rounds": 4}}},
        jobs("conta", {2: BUILD_CONFOUNDERS, 3: TRAIN_CAM, None: SUMMARISE}),
    ),
    "rounds, 2 to 3 without context": (
        {"runs": {"control": {"rounds": 3}}},
        jobs("control", {2: TRAIN_CAM, None: SUMMARISE}),
    ),
    "rounds, 3 to 2": ({"runs": {"conta": {"rounds": 2}}}, jobs("conta", {None: SUMMARISE})),
    # runs
    "one run's own key": (
        {"runs": {"control": {"refinement": {"beta": 8.0}}}},
        control_from(REFINE_CAMS),
    ),
    "one run's own key that equals the base": (
        {"runs": {"control": {"refinement": {"beta": 10.0}, "crf": {"iterations": 1}}}},
        NOTHING,
    ),
    "another run": (
        {"runs": {"third": {"rounds": 1}}},
        jobs("third", {None: MAKE_CONTEXT_SHAPES | SUMMARISE, 0: TRAIN_CAM}),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_a_config_key(finished: Workflow, change: str) -> None:
    changes, expected = CHANGES[change]
    assert finished.stale(changes=changes) == expected


def test_nothing_changed(finished: Workflow) -> None:
    output = finished.start("-n", check=True).stdout
    assert "Nothing to be done" in output
    assert parse_dry_run(output, messages(finished.code)) == NOTHING


#: key of the config -> the rules whose params hold it; every key of the contract is here; the
#: report shows each key that the results depend on, which `SHOWN` adds
GROUPS: dict[str, set[str]] = {
    "dataset.name": {"index_dataset"},
    "dataset.format": {"index_dataset"},
    "dataset.root": {"index_dataset"},
    "dataset.lists": {"index_dataset"},
    "dataset.classes": {"index_dataset"},
    "dataset.tags": {"index_dataset"},
    "dataset.allow_untagged": {"index_dataset"},
    "dataset.long_side": {"index_dataset"},
    "dataset.images": {"make_context_shapes"},
    "dataset.size": {"make_context_shapes"},
    "dataset.confounding": {"make_context_shapes"},
    "rounds": set(),
    "shards": set(),
    "start_from": set(),
    "reliance_images": {"evaluate_reliance"},
    "seed": {"make_context_shapes", "train_cam", "train_irn", "train_deeplab", "deconfound"},
    "cam": {"train_cam"},
    "cam.method": {"train_cam", "extract_cams", "evaluate_reliance", "measure_objects"},
    "cam.scales": {"extract_cams"},
    "irn": {"train_irn"},
    "irn.foreground_threshold": {"make_irn_labels"},
    "irn.background_threshold": {"make_irn_labels"},
    "irn.label_crf": {"make_irn_labels"},
    "refinement": {"refine_cams"},
    "pseudo_masks": {"make_pseudo_masks"},
    # a folder of masks is an input
    "pseudo_masks.imported": set(),
    "segmentation": {"train_deeplab"},
    "context.method": {"train_cam", "extract_cams", "evaluate_reliance", "train_deeplab"},
    "context.block": {"train_cam"},
    "context.scaling": {"train_cam", "extract_cams", "evaluate_reliance"},
    "context.size": {"build_confounders"},
    "context.source": {"build_confounders"},
    "context.classifier_init": {"train_cam"},
    "context.learning": {"train_cam"},
    "context.background": {"build_confounders"},
    "context.oracle_masks": {"build_confounders", "deconfound"},
    "context.prior": {"build_confounders", "train_cam", "train_deeplab"},
    "context.steps": {"deconfound"},
    "context.learning_rate": {"deconfound"},
    "context.maps": {"deconfound"},
    "context.assignment": {"deconfound"},
    "context.intervention": {"train_cam", "train_deeplab"},
    "context.intervention.recombined": {"train_cam"},
    "context.intervention.counterfactual": {"train_cam"},
    "context.intervention.segmentation_recombined": {"train_deeplab"},
    "context.intervention.threshold": {"make_pseudo_masks"},
    "context.intervention.ownership": {"train_cam", "train_deeplab"},
    "context.intervention.balance": {"train_cam", "measure_objects"},
    "context.intervention.area_filter": {"train_cam", "make_pseudo_masks", "train_deeplab"},
    "crf": {"evaluate_crf"},
}


SHOWN = {"summarise"}
#: start_from is a param of note_base_run and of summarise where it is set: test_start_from.py
NOT_SHOWN = ("shards", "start_from")


def rules_of(key: str) -> set[str]:
    """The longest entry of the table that the key lies under, and the report."""
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in GROUPS:
            return GROUPS[name] | (SHOWN if name not in NOT_SHOWN else set())
    raise KeyError(f"{key} is not in the table: add it, with the rules that depend on it")


def leaves(values: Mapping[str, Any], under: str = "") -> set[str]:
    """Dotted names of the values of nested mappings."""
    found = set()
    for key, value in values.items():
        name = f"{under}{key}"
        found |= leaves(value, f"{name}.") if isinstance(value, Mapping) else {name}
    return found


def test_every_key_is_a_param_of_its_rules_and_of_no_other(finished: Workflow) -> None:
    """Of all keys, cheaply: what Snakemake wrote down as the params of each finished job."""
    found: dict[str, set[str]] = {}
    for file in (finished.directory / ".snakemake" / "metadata").rglob("*"):
        if not file.is_file():
            continue
        record = json.loads(file.read_text())
        for param in map(ast.literal_eval, record["params"]):
            # the names of stages that a run lacks are no settings
            for key in leaves(param) if isinstance(param, dict) else ():
                found.setdefault(key, set()).add(record["rule"])
    for rules in found.values():
        for gathering, made in GATHERED.items():
            # a store is as stale as the work that it gathers
            assert (gathering in rules) == (made in rules)
            rules.discard(gathering)
    keys = leaves(Experiment().model_dump(mode="json"))
    assert found.keys() <= keys
    assert {key: found.get(key, set()) for key in keys} == {key: rules_of(key) for key in keys}


def test_round_0_and_the_control_know_no_context(finished: Workflow) -> None:
    """Their classifiers' params hold no key of the context: nothing to compare."""
    changes = {"runs": {"control": {"context": {"block": 2, "scaling": "none", "size": [4, 4]}}}}
    assert finished.stale(changes=changes) == NOTHING
