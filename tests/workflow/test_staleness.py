"""The table: what each change makes stale, no more and no less."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Work, Workflow, edited

from conta_core.settings import Experiment

pytestmark = pytest.mark.slow

# What runs in a round when a stage of it runs: each set names the stage and all that follows it.
EVALUATE_CRF = {"evaluate_crf"}
TRAIN_DEEPLAB = {
    "train_deeplab",
    "predict_train_masks",
    "gather_train_masks",
    "predict_logits",
    "gather_logits",
    "evaluate_segmentation",
    *EVALUATE_CRF,
}
MAKE_PSEUDO_MASKS = {"make_pseudo_masks", "evaluate_pseudo_masks", *TRAIN_DEEPLAB}
REFINE_CAMS = {"refine_cams", "gather_refined", "evaluate_refined", *MAKE_PSEUDO_MASKS}
TRAIN_IRN = {"train_irn", *REFINE_CAMS}
MAKE_IRN_LABELS = {"make_irn_labels", "gather_labels", *TRAIN_IRN}
EXTRACT_CAMS = {"extract_cams", "gather_cams", "evaluate_cams", *MAKE_IRN_LABELS}
TRAIN_CAM = {"train_cam", *EXTRACT_CAMS}
# Under conta alone, in every round but the last; the next round's train_cam follows.
DECONFOUND = {"deconfound"}
BUILD_CONFOUNDERS = {"build_confounders", *DECONFOUND}
# Once a run.
INDEX_DATASET = {"index_dataset"}
MAKE_CONTEXT_SHAPES = {"make_context_shapes", *INDEX_DATASET}
SUMMARISE = {"summarise"}


def jobs(run: str, plan: Mapping[int | None, set[str]]) -> set[Work]:
    """Round -> rules, as jobs of one run."""
    return {Work(rule, run, index) for index, rules in plan.items() for rule in rules}


def conta_from(first_round: set[str], context: set[str] = BUILD_CONFOUNDERS) -> set[Work]:
    """Under conta: round 0's rules, and through its context everything of rounds 1 and 2."""
    return jobs(
        "conta",
        {
            0: first_round | context,
            1: TRAIN_CAM | BUILD_CONFOUNDERS,
            2: TRAIN_CAM,
            None: SUMMARISE,
        },
    )


def control_from(each_round: set[str]) -> set[Work]:
    """Under none: the same rules in each round, since no round depends on another."""
    return jobs("control", {0: each_round, 1: each_round, None: SUMMARISE})


def intervention_from(rules: set[str]) -> set[Work]:
    """Under intervention: what changes round 0's pseudo-masks changes everything of round 1."""
    last = TRAIN_CAM if "make_pseudo_masks" in rules else rules
    return jobs("intervention", {0: rules, 1: last, None: SUMMARISE})


def from_stage(rules: set[str]) -> set[Work]:
    """A stage of every round, and what follows it, in all runs."""
    return conta_from(rules) | control_from(rules) | intervention_from(rules)


def once_a_run(rules: set[str]) -> set[Work]:
    """Rules that every run has once."""
    return {
        work for run in ("conta", "control", "intervention") for work in jobs(run, {None: rules})
    }


NOTHING: set[Work] = set()
FROM_EVALUATE_CRF = (
    jobs("conta", {0: EVALUATE_CRF, 1: EVALUATE_CRF, 2: EVALUATE_CRF, None: SUMMARISE})
    | control_from(EVALUATE_CRF)
    | intervention_from(EVALUATE_CRF)
)
FROM_TRAIN_DEEPLAB = from_stage(TRAIN_DEEPLAB)
FROM_MAKE_PSEUDO_MASKS = from_stage(MAKE_PSEUDO_MASKS)
FROM_REFINE_CAMS = from_stage(REFINE_CAMS)
FROM_TRAIN_IRN = from_stage(TRAIN_IRN)
FROM_MAKE_IRN_LABELS = from_stage(MAKE_IRN_LABELS)
FROM_EXTRACT_CAMS = from_stage(EXTRACT_CAMS)
FROM_TRAIN_CAM = from_stage(TRAIN_CAM)
FROM_INDEX_DATASET = FROM_TRAIN_CAM | once_a_run(INDEX_DATASET)
EVERYTHING = FROM_INDEX_DATASET | once_a_run(MAKE_CONTEXT_SHAPES)
FROM_BUILD_CONFOUNDERS = conta_from(set(), BUILD_CONFOUNDERS)
FROM_DECONFOUND = conta_from(set(), DECONFOUND)
FROM_TRAIN_CAM_WITH_CONTEXT = conta_from(set(), set())
FROM_TRAIN_CAM_OF_INTERVENTION = jobs("intervention", {1: TRAIN_CAM, None: SUMMARISE})

#: a change of the config -> exactly what runs
CHANGES: dict[str, tuple[dict[str, Any], set[Work]]] = {
    # the evaluation's CRF
    "crf.iterations": ({"crf": {"iterations": 2}}, FROM_EVALUATE_CRF),
    "crf.gaussian_sxy": ({"crf": {"gaussian_sxy": 2.0}}, FROM_EVALUATE_CRF),
    "crf.gaussian_compat": ({"crf": {"gaussian_compat": 2.0}}, FROM_EVALUATE_CRF),
    "crf.bilateral_sxy": ({"crf": {"bilateral_sxy": 60.0}}, FROM_EVALUATE_CRF),
    "crf.bilateral_srgb": ({"crf": {"bilateral_srgb": 4.0}}, FROM_EVALUATE_CRF),
    "crf.bilateral_compat": ({"crf": {"bilateral_compat": 5.0}}, FROM_EVALUATE_CRF),
    # the segmentation
    "segmentation.learning_rate": ({"segmentation": {"learning_rate": 0.01}}, FROM_TRAIN_DEEPLAB),
    "segmentation.scales": ({"segmentation": {"scales": [0.75]}}, FROM_TRAIN_DEEPLAB),
    # pseudo-masks
    "pseudo_masks.background_threshold": (
        {"pseudo_masks": {"background_threshold": 0.4}},
        FROM_MAKE_PSEUDO_MASKS,
    ),
    "pseudo_masks.crf": ({"pseudo_masks": {"crf": True}}, FROM_MAKE_PSEUDO_MASKS),
    # the walk
    "walk.radius": ({"walk": {"radius": 5}}, FROM_REFINE_CAMS),
    "walk.beta": ({"walk": {"beta": 8.0}}, FROM_REFINE_CAMS),
    "walk.steps": ({"walk": {"steps": 32}}, FROM_REFINE_CAMS),
    "irn.inference_pad": ({"irn": {"inference_pad": 512}}, FROM_REFINE_CAMS),
    # IR labels and the IRN
    "irn.epochs": ({"irn": {"epochs": 2}}, FROM_TRAIN_IRN),
    "irn.foreground_threshold": ({"irn": {"foreground_threshold": 0.4}}, FROM_MAKE_IRN_LABELS),
    "irn.label_crf.iterations": ({"irn": {"label_crf": {"iterations": 2}}}, FROM_MAKE_IRN_LABELS),
    # the classifier
    "cam.scales": ({"cam": {"scales": [1.0, 0.5]}}, FROM_EXTRACT_CAMS),
    "cam.learning_rate": ({"cam": {"learning_rate": 0.02}}, FROM_TRAIN_CAM),
    # the causal step: nothing of the control
    "context.size": ({"context": {"size": [8, 6]}}, FROM_BUILD_CONFOUNDERS),
    "context.source": ({"context": {"source": "pseudo_masks"}}, FROM_BUILD_CONFOUNDERS),
    "context.masks": ({"context": {"masks": "truth"}}, FROM_BUILD_CONFOUNDERS),
    "context.prior": (
        {"context": {"prior": "empirical"}},
        FROM_BUILD_CONFOUNDERS | FROM_TRAIN_CAM_OF_INTERVENTION,
    ),
    "context.steps": ({"context": {"steps": 6}}, FROM_DECONFOUND),
    "context.learning_rate": ({"context": {"learning_rate": 0.02}}, FROM_DECONFOUND),
    "context.maps": ({"context": {"maps": "classes"}}, FROM_DECONFOUND),
    "context.assignment": ({"context": {"assignment": "shuffled"}}, FROM_DECONFOUND),
    "context.block": ({"context": {"block": 4}}, FROM_TRAIN_CAM_WITH_CONTEXT),
    "context.scaling": ({"context": {"scaling": "none"}}, FROM_TRAIN_CAM_WITH_CONTEXT),
    "context.intervention.recombined": (
        {"context": {"intervention": {"recombined": 0.3}}},
        FROM_TRAIN_CAM_OF_INTERVENTION,
    ),
    "context.intervention.masks": (
        {"context": {"intervention": {"masks": "truth"}}},
        FROM_TRAIN_CAM_OF_INTERVENTION,
    ),
    "context.method, none to intervention": (
        {"runs": {"control": {"context": {"method": "intervention"}}}},
        jobs("control", {1: TRAIN_CAM, None: SUMMARISE}),
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
        {"runs": {"control": {"walk": {"beta": 8.0}}}},
        control_from(REFINE_CAMS),
    ),
    "one run's own key that equals the base": (
        {"runs": {"control": {"walk": {"beta": 10.0}, "crf": {"iterations": 1}}}},
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
    assert finished.stale() == NOTHING


def in_parts(works: set[Work], count: int) -> set[Work]:
    """The same work where each stage that goes image by image has so many jobs."""
    numbers = [f"{number} of {count}" for number in range(1, count + 1)]
    return {
        part
        for work in works
        for part in (
            [work._replace(part=number) for number in numbers]
            if work.rule in GATHERED.values()
            else [work]
        )
    }


@pytest.mark.parametrize("count", [2, 5])
def test_number_of_shards(finished: Workflow, count: int) -> None:
    """Alone it reruns nothing; with another change it reruns that change's work, in its parts."""
    assert finished.stale(changes={"shards": count}) == NOTHING
    changes = {"shards": count, "walk": {"beta": 8.0}}
    assert finished.stale(changes=changes) == in_parts(FROM_REFINE_CAMS, count)
    with edited(finished.code / "conta_core" / "random_walk.py", statement):
        assert finished.stale(changes={"shards": count}) == in_parts(FROM_REFINE_CAMS, count)


def test_shards_change_no_bit_and_may_change_back(finished_copy: Workflow) -> None:
    """Made again in two parts; then one part, in which it was made first, is not stale either."""
    lost = "results/control/round-1/cam/cams.h5"
    store = finished_copy.directory / lost
    before = store.read_bytes()
    store.unlink()
    finished_copy.run(lost, changes={"shards": 2})
    assert store.read_bytes() == before
    assert not store.with_name("cams.parts").exists()
    for count in (2, 1, 3):
        assert finished_copy.stale(lost, changes={"shards": count}) == NOTHING


def test_finished_run_again(finished: Workflow) -> None:
    before = finished.files()
    output = finished.start("--cores", "2", check=True).stdout
    assert "Nothing to be done" in output
    assert finished.files() == before


def test_cores_threads_and_profile(finished: Workflow, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("cores: 1\nset-threads:\n  train_cam: 2\n")
    options = ("--cores", "1", "--profile", str(profile), "--set-resources", "train_cam:mem_mb=9")
    assert finished.stale(*options) == NOTHING


GATHERED = {
    "gather_cams": "extract_cams",
    "gather_labels": "make_irn_labels",
    "gather_refined": "refine_cams",
    "gather_train_masks": "predict_train_masks",
    "gather_logits": "predict_logits",
}

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
    "dataset.images": {"make_context_shapes"},
    "dataset.size": {"make_context_shapes"},
    "dataset.confounding": {"make_context_shapes"},
    "rounds": set(),
    "shards": set(),
    "start_from": set(),
    "seed": {"make_context_shapes", "train_cam", "train_irn", "train_deeplab", "deconfound"},
    "cam": {"train_cam"},
    "cam.scales": {"extract_cams"},
    "irn": {"train_irn"},
    "irn.foreground_threshold": {"make_irn_labels"},
    "irn.background_threshold": {"make_irn_labels"},
    "irn.label_crf": {"make_irn_labels", "make_pseudo_masks"},
    "irn.inference_pad": {"refine_cams"},
    "walk": {"refine_cams"},
    "pseudo_masks": {"make_pseudo_masks"},
    "segmentation": {"train_deeplab"},
    "context.method": {"train_cam"},
    "context.block": {"train_cam"},
    "context.scaling": {"train_cam", "extract_cams"},
    "context.size": {"build_confounders"},
    "context.source": {"build_confounders"},
    "context.masks": {"build_confounders", "deconfound"},
    "context.prior": {"build_confounders", "train_cam"},
    "context.steps": {"deconfound"},
    "context.learning_rate": {"deconfound"},
    "context.maps": {"deconfound"},
    "context.assignment": {"deconfound"},
    "context.intervention": {"train_cam"},
    "crf": {"evaluate_crf"},
}


SHOWN = {"summarise"}
#: start_from is a param of note_start and of summarise where it is set: test_start_from.py
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
        for param in record["params"]:
            for key in leaves(ast.literal_eval(param)):
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


# Edits of the library.


def comment(text: str) -> str:
    return f"# a comment\n{text}\n# another\n"


def docstring(text: str) -> str:
    assert text.startswith('"""')
    return text.replace('"""', '"""Edited: ', 1)


def statement(text: str) -> str:
    return f"{text}\nADDED = 1\n"


#: module -> exactly what runs after an edit of it
MODULES: dict[str, set[Work]] = {
    "random_walk.py": FROM_REFINE_CAMS,
    "crf.py": FROM_MAKE_IRN_LABELS | FROM_EVALUATE_CRF,
    "confounders.py": FROM_BUILD_CONFOUNDERS,
    "attention.py": FROM_DECONFOUND,
    "networks/deeplab.py": FROM_TRAIN_DEEPLAB,
    "cams.py": FROM_EXTRACT_CAMS,
    "intervention/pixels.py": FROM_TRAIN_CAM,
    "report/plots.py": once_a_run(SUMMARISE),
    "manifest.py": FROM_INDEX_DATASET,
    "progress.py": NOTHING,
    "progress_bar.py": NOTHING,
    "settings/training.py": NOTHING,
    "training/model_training.py": FROM_TRAIN_CAM,
    "config_files.py": NOTHING,
}


@pytest.mark.parametrize("module", MODULES)
def test_edit_of_a_module(finished: Workflow, module: str) -> None:
    with edited(finished.code / "conta_core" / module, statement):
        assert finished.stale() == MODULES[module]


@pytest.mark.parametrize("edit", [comment, docstring])
def test_edit_that_means_nothing(finished: Workflow, edit: Callable[[str], str]) -> None:
    with edited(finished.code / "conta_core" / "random_walk.py", edit):
        assert finished.stale() == NOTHING


def test_edits_undone(finished: Workflow) -> None:
    for module in ("random_walk.py", "crf.py"):
        with edited(finished.code / "conta_core" / module, statement):
            pass
    assert finished.stale() == NOTHING


def test_edit_of_a_script(finished: Workflow) -> None:
    with edited(finished.code / "workflow_scripts" / "refine_cams.py", statement):
        assert finished.stale() == FROM_REFINE_CAMS


def test_code_comparison_switched_off(finished: Workflow) -> None:
    triggers = ("--rerun-triggers", "mtime", "params", "input", "software-env")
    with edited(finished.code / "conta_core" / "random_walk.py", statement):
        assert finished.stale(*triggers) == NOTHING
    walk = {"walk": {"beta": 8.0}}
    assert finished.stale(*triggers, changes=walk) == FROM_REFINE_CAMS


# Lost files: an intermediate file is made again where it is asked for, with what it needs.


def test_lost_file(finished_copy: Workflow) -> None:
    lost = "results/control/round-1/irn/refined.h5"
    (finished_copy.directory / lost).unlink()
    assert finished_copy.stale() == NOTHING
    assert finished_copy.stale(lost) == jobs("control", {1: {"refine_cams", "gather_refined"}})


def test_lost_folder(finished_copy: Workflow) -> None:
    lost = "results/control/round-1/pseudo_masks"
    shutil.rmtree(finished_copy.directory / lost)
    assert finished_copy.stale() == NOTHING
    assert finished_copy.stale(lost) == jobs("control", {1: {"make_pseudo_masks"}})


def test_lost_report(finished_copy: Workflow) -> None:
    (finished_copy.directory / "results" / "conta" / "report.html").unlink()
    assert finished_copy.stale() == jobs("conta", {None: SUMMARISE})
