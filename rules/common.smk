"""What the rules share: the experiments, and the functions that answer for wildcards.

Every function takes the config apart for one run; no rule reads `config` itself.
"""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from conta_core.evaluation.comparison.design import Design
from conta_core.settings.load import load_comparison, load_experiments, pick, require_weights
from conta_core.data.readers.voc_lists import list_path
from conta_core.errors import ContaError
from conta_core.runtime.gpus import count_visible_gpus
from conta_core.workflow.stages import BY_NAME, BY_OUTPUT, STAGES, owner_of
from conta_core.runtime.writable import require_writable

try:
    EXPERIMENTS = load_experiments(config)
    COMPARISON = load_comparison(config)
except ContaError as error:
    raise WorkflowError(str(error)) from None

# a job of each list runs at the same time, each with its start of several seconds
HALF_OF_THE_CORES = max(1, (workflow.resource_settings.cores or 1) // 2)


onstart:
    lift_idle_rate_limit(workflow)
    # not at a dry run: the plan of a recipe can be seen before its weights are there
    try:
        require_weights(EXPERIMENTS)
        require_writable(f"results/{name}" for name in [*EXPERIMENTS, *get_comparison_names()])
    except ContaError as error:
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    run="|".join(EXPERIMENTS),
    comparison=COMPARISON.name if COMPARISON else "(?!)",
    round=r"\d+",
    part=r"\d+",
    parts=r"\d+",


def get_path(pattern, run, index=None):
    """The pattern for a run, with the name of the run that makes the file for it."""
    owner = owner_of(pattern, run, index, EXPERIMENTS[run].start_from)
    return pattern.format(run=owner, round=index)


def get_file(pattern):
    """A function of the wildcards: the pattern for their run and round."""
    return lambda wildcards: get_path(pattern, wildcards.run, int(wildcards.round))


def get_targets(pattern):
    """The pattern for every run, and for every round of it where the pattern has one."""
    return list(
        dict.fromkeys(
            get_path(pattern, run, index)
            for run, experiment in EXPERIMENTS.items()
            for index in range(experiment.rounds)
        )
    )


def get_settings(name):
    """A function of the wildcards: the keys that a stage's result depends on, as plain values."""
    stage = BY_NAME[name]
    return lambda wildcards: pick(EXPERIMENTS[wildcards.run], stage.keys, stage.without)


def get_run_settings(wildcards):
    """The keys that the run's results depend on: a change of any other reruns nothing."""
    experiment = EXPERIMENTS[wildcards.run]
    unused = ["shards"] if experiment.start_from else ["shards", "start_from"]
    if experiment.dataset.format != "context-shapes":
        unused += ["dataset.images", "dataset.size", "dataset.confounding"]
    keys = [key for key in type(experiment).model_fields if key != "context"]
    if experiment.rounds > 1:
        keys += {
            "none": ["context.method", "context.classifier_init"],
            "conta": ["context"],
            "intervention": [
                "context.method",
                "context.classifier_init",
                "context.intervention",
                "context.prior",
            ],
        }[experiment.context.method]
    if "context" in keys:
        unused.append("context.intervention")
    return pick(experiment, keys, unused)


def get_dataset_files(wildcards):
    """What index_dataset reads that a user may edit, or that the workflow makes."""
    dataset = EXPERIMENTS[wildcards.run].dataset
    lists = [dataset.lists.train, dataset.lists.val]
    if dataset.format == "voc":
        return [str(list_path(Path(dataset.root), name)) for name in lists]
    if dataset.format == "coco":
        return [f"{dataset.root}/annotations/instances_{name}.json" for name in lists]
    return [f"{dataset.root}/tags.csv"] if dataset.format == "folder" else []


def get_made_dataset(wildcards):
    """The folder that the workflow makes for context-shapes and coco."""
    made = {"context-shapes": "context_shapes", "coco": "coco_masks"}
    name = made.get(EXPERIMENTS[wildcards.run].dataset.format)
    return get_path(f"results/{{run}}/{name}", wildcards.run) if name else []


def get_start(wildcards):
    """The note of the run that a run starts from: for readers, no stage depends on it."""
    starts = EXPERIMENTS[wildcards.run].start_from is not None
    return f"results/{wildcards.run}/start.json" if starts else []


def get_starts():
    """The notes of all runs that start from another."""
    runs = [run for run, experiment in EXPERIMENTS.items() if experiment.start_from is not None]
    return [f"results/{run}/start.json" for run in runs]


def get_parts(folder):
    """A function of the wildcards: the parts of a store, one a job."""

    def paths(wildcards):
        count = EXPERIMENTS[wildcards.run].shards
        place = folder.format(run=wildcards.run, round=wildcards.round)
        return [f"{place}/{part}-of-{count}" for part in range(1, count + 1)]

    return paths


def get_method(wildcards):
    """What the round takes from the one before: conta, intervention, or none in round 0."""
    first = int(wildcards.round) == 0
    return "none" if first else EXPERIMENTS[wildcards.run].context.method


def get_context(wildcards):
    """The context of the round before, which method conta reads."""
    learning = EXPERIMENTS[wildcards.run].context.learning
    if get_method(wildcards) != "conta" or learning == "classifier":
        return []
    return f"results/{wildcards.run}/round-{int(wildcards.round) - 1}/context/context.h5"


def get_ingredients(wildcards):
    """What the classifier makes M of, in the order of `IngredientPaths`, where it makes M itself."""
    learning = EXPERIMENTS[wildcards.run].context.learning
    if get_method(wildcards) != "conta" or learning != "classifier":
        return []
    files = ("context/confounders.h5", "segmentation/train_masks.h5", "segmentation/logits.h5")
    before = int(wildcards.round) - 1
    return [get_path(f"results/{{run}}/round-{{round}}/{f}", wildcards.run, before) for f in files]


def get_object_masks(wildcards):
    """The pseudo-masks of the round before, whose objects method intervention recombines."""
    settings = EXPERIMENTS[wildcards.run].context.intervention
    if get_method(wildcards) != "intervention" or settings.object_masks == "truth":
        return []
    pattern = "results/{run}/round-{round}/pseudo_masks"
    return get_path(pattern, wildcards.run, int(wildcards.round) - 1)


def get_objects_before(wildcards):
    """What the round before measured of its objects, which the classifier is intervened on with."""
    settings = EXPERIMENTS[wildcards.run].context.intervention
    if get_method(wildcards) != "intervention" or not settings.measures_for_classifier:
        return []
    return f"results/{wildcards.run}/round-{int(wildcards.round) - 1}/intervention/objects.h5"


def get_own_objects(wildcards):
    """What the round measured of its objects, where its segmentation model is intervened on."""
    settings = EXPERIMENTS[wildcards.run].context.intervention
    if get_method(wildcards) != "intervention" or not settings.measures_for_segmentation:
        return []
    return f"results/{wildcards.run}/round-{wildcards.round}/intervention/objects.h5"


def get_measure_settings(wildcards):
    """The key that what is measured of a round's objects depends on."""
    return pick(EXPERIMENTS[wildcards.run], ["context.intervention.balance"])


# the keys that say which objects an intervention recombines, and how
OBJECT_KEYS = [
    "context.method",
    "context.prior",
    "context.intervention.object_masks",
    "context.intervention.backgrounds",
    "context.intervention.area_filter",
    "context.intervention.ownership",
]
# method -> the keys of the context that its classifier depends on
CLASSIFIER_KEYS = {
    "none": [],
    "conta": ["context.block", "context.scaling", "context.learning"],
    "intervention": [
        *OBJECT_KEYS,
        "context.intervention.recombined",
        "context.intervention.counterfactual",
        "context.intervention.balance",
    ],
}


def get_initial_weights(wildcards):
    """The segmentation model of the round before, where the classifier begins from it."""
    index = int(wildcards.round)
    if index == 0 or EXPERIMENTS[wildcards.run].context.classifier_init == "cam_weights":
        return []
    pattern = "results/{run}/round-{round}/segmentation/model.safetensors"
    return get_path(pattern, wildcards.run, index - 1)


def get_classifier_settings(wildcards):
    """The keys that a round's classifier depends on."""
    keys = ["cam", "seed", *CLASSIFIER_KEYS[get_method(wildcards)]]
    if int(wildcards.round) > 0:
        keys.append("context.classifier_init")
    return pick(EXPERIMENTS[wildcards.run], keys, ["cam.scales"])


def get_first_refined(wildcards):
    """The refined CAMs of round 0, where an intervention's threshold follows them."""
    settings = EXPERIMENTS[wildcards.run].context.intervention
    if get_method(wildcards) != "intervention" or settings.threshold == "fixed":
        return []
    return get_path("results/{run}/round-{round}/irn/refined.h5", wildcards.run, 0)


def get_pseudo_mask_settings(wildcards):
    """The keys that a round's pseudo-masks depend on."""
    keys = ["pseudo_masks", "irn.label_crf"]
    if get_first_refined(wildcards):
        keys += ["context.intervention.threshold", "context.intervention.area_filter"]
    return pick(EXPERIMENTS[wildcards.run], keys)


def get_segmentation_settings(wildcards):
    """The keys that a round's segmentation model depends on."""
    experiment = EXPERIMENTS[wildcards.run]
    keys = ["segmentation", "seed"]
    if (
        get_method(wildcards) == "intervention"
        and experiment.context.intervention.segmentation_recombined
    ):
        keys += [*OBJECT_KEYS, "context.intervention.segmentation_recombined"]
    return pick(experiment, keys)


def get_extraction_settings(wildcards):
    """The keys that the extraction of a round's CAMs depends on."""
    keys = ["context.scaling"] if get_method(wildcards) == "conta" else []
    return pick(EXPERIMENTS[wildcards.run], ["cam.scales", *keys])


def get_reliance_settings(wildcards):
    """The keys that the reliance of a round's classifier depends on."""
    keys = ["context.scaling"] if get_method(wildcards) == "conta" else []
    return pick(EXPERIMENTS[wildcards.run], ["reliance_images", *keys])


def get_confounder_source(wildcards):
    """The masks that the confounder set averages."""
    of_segmentation = EXPERIMENTS[wildcards.run].context.source == "segmentation"
    name = "segmentation/train_masks.h5" if of_segmentation else "pseudo_masks"
    return get_file(f"results/{{run}}/round-{{round}}/{name}")(wildcards)


def get_all_rounds(pattern):
    """A function of the wildcards: the pattern for every round of the run that has it."""

    def paths(wildcards):
        experiment = EXPERIMENTS[wildcards.run]
        needed = BY_OUTPUT[pattern].is_needed
        rounds = [index for index in range(experiment.rounds) if needed(index, experiment)]
        return [get_path(pattern, wildcards.run, index) for index in rounds]

    return paths


def get_all_scores(wildcards):
    """Every file of scores of every round of the run."""
    patterns = [stage.output for stage in STAGES if stage.in_round.startswith("scores/")]
    return [path for pattern in patterns for path in get_all_rounds(pattern)(wildcards)]


def get_comparison_names():
    """The folder of the comparison, where the config has one."""
    return [COMPARISON.name] if COMPARISON else []


def get_comparison(*patterns):
    """A function that gives the patterns for the comparison, which the config must have."""

    def paths(wildcards):
        if COMPARISON is None:
            raise WorkflowError(
                "config: comparison is null; name arms, levels and seeds in a recipe, such as "
                "--configfile configs/evidence.yaml"
            )
        return [pattern.format(comparison=COMPARISON.name) for pattern in patterns]

    return paths


def get_compared(pattern):
    """A function of the wildcards: the pattern for every run of the comparison."""
    return lambda wildcards: [pattern.format(run=one.run) for one in COMPARISON.compared_runs()]


def get_design(wildcards):
    """Arms, and which run is of which arm, level and seed, as plain values."""
    return Design.of(COMPARISON).as_values()


def grow(amount):
    """A resource that has as much again at every further attempt: MB, or minutes."""
    return lambda wildcards, attempt: amount * attempt


def limit_gpus(workflow):
    """Let GPU jobs of a workstation wait for a GPU.

    Elsewhere there is no limit: without a GPU nothing waits, on a cluster its scheduler counts,
    and `--resources gpu=N` stands.
    """
    settings = workflow.resource_settings
    here = workflow.is_main_process and settings.nodes is None
    if here and "gpu" not in workflow.global_resources:
        gpus = count_visible_gpus()
        if gpus:
            workflow.register_resource("gpu", gpus)


def lift_idle_rate_limit(workflow):
    """Take Snakemake's default limit of 100 jobs a second away; a stricter one stands.

    No run comes near it, but for its sake Snakemake (9.27) looks at all ready jobs again a second
    after every time that it looked at them: a round of its own for each job that ever ended, half
    a core after 150 jobs.
    """
    limiter = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limiter is not None and limiter.max_jobs >= 100 * limiter.timespan:
        workflow.scheduler.job_rate_limiter = None
