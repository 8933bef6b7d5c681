"""What runs again when a stage is stale: the stage and all that follows it, in each run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from tiny_runs import Work

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
EVALUATE_RELIANCE = {"evaluate_reliance"}
MAKE_PSEUDO_MASKS = {
    "make_pseudo_masks",
    "evaluate_pseudo_masks",
    *EVALUATE_RELIANCE,
    *TRAIN_DEEPLAB,
}
REFINE_CAMS = {"refine_cams", "gather_refined", "evaluate_refined", *MAKE_PSEUDO_MASKS}
TRAIN_IRN = {"train_irn", *REFINE_CAMS}
MAKE_IRN_LABELS = {"make_irn_labels", "gather_labels", *TRAIN_IRN}
EXTRACT_CAMS = {"extract_cams", "gather_cams", "evaluate_cams", *MAKE_IRN_LABELS}
TRAIN_CAM = {"train_cam", *EXTRACT_CAMS}
# With cam.method recam alone; what train_cam trains comes before it.
TRAIN_RECAM = {"train_recam", *EXTRACT_CAMS}
# Under conta alone, in every round but the last; the next round's train_cam follows.
DECONFOUND = {"deconfound"}
BUILD_CONFOUNDERS = {"build_confounders", *DECONFOUND}
# Under intervention alone, in every round, once it has its pseudo-masks.
MEASURE_OBJECTS = {"measure_objects", "gather_objects"}
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
    if "make_pseudo_masks" not in rules:
        return jobs("intervention", {0: rules, 1: rules, None: SUMMARISE})
    return jobs(
        "intervention",
        {0: rules | MEASURE_OBJECTS, 1: TRAIN_CAM | MEASURE_OBJECTS, None: SUMMARISE},
    )


def from_stage(rules: set[str]) -> set[Work]:
    """A stage of every round, and what follows it, in all runs."""
    return conta_from(rules) | control_from(rules) | intervention_from(rules)


def once_a_run(rules: set[str]) -> set[Work]:
    """Rules that every run has once."""
    return {
        work for run in ("conta", "control", "intervention") for work in jobs(run, {None: rules})
    }


NOTHING: set[Work] = set()
FROM_EVALUATE_RELIANCE = (
    jobs("conta", {**dict.fromkeys(range(3), EVALUATE_RELIANCE), None: SUMMARISE})
    | control_from(EVALUATE_RELIANCE)
    | intervention_from(EVALUATE_RELIANCE)
)
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
FROM_TRAIN_CAM_OF_INTERVENTION = jobs(
    "intervention", {1: TRAIN_CAM | MEASURE_OBJECTS, None: SUMMARISE}
)
FROM_MAKE_PSEUDO_MASKS_OF_INTERVENTION = jobs(
    "intervention", {1: MAKE_PSEUDO_MASKS | MEASURE_OBJECTS, None: SUMMARISE}
)
FROM_MEASURE_OBJECTS = jobs(
    "intervention", {0: MEASURE_OBJECTS, 1: TRAIN_CAM | MEASURE_OBJECTS, None: SUMMARISE}
)
FROM_TRAIN_DEEPLAB_OF_INTERVENTION = jobs("intervention", {1: TRAIN_DEEPLAB, None: SUMMARISE})

#: rule that gathers a store -> rule that makes its parts
GATHERED = {
    "gather_cams": "extract_cams",
    "gather_labels": "make_irn_labels",
    "gather_refined": "refine_cams",
    "gather_train_masks": "predict_train_masks",
    "gather_logits": "predict_logits",
    "gather_objects": "measure_objects",
}


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


def statement(text: str) -> str:
    """An edit of a module that defines one more name."""
    return f"{text}\nADDED = 1\n"


def statement_in(name: str) -> Callable[[str], str]:
    """An edit of a module that changes one of its functions or classes."""

    def add(text: str) -> str:
        found = next(n for n in ast.parse(text).body if getattr(n, "name", None) == name)
        last = found.body[-1]
        lines = text.split("\n")
        first = min([last.lineno, *(n.lineno for n in getattr(last, "decorator_list", []))])
        lines.insert(first - 1, f"{' ' * last.col_offset}added = 1")
        return "\n".join(lines)

    return add
