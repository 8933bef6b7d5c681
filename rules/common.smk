"""What the rules share: the experiments, and the functions that answer for wildcards.

Every function takes the config apart for one run; no rule reads `config` itself.
"""

import re
import sys
from pathlib import Path

from snakemake import script as script_module
from snakemake.exceptions import WorkflowError

from conta_core.causal import methods
from conta_core.evaluation.comparison.design import Design
from conta_core.settings.command_line import (
    require_given_once,
    require_one_configfile,
    typed_config,
)
from conta_core.settings.single_keys import require_single_keys
from conta_core.settings.load import load_comparison, load_experiments, pick, require_weights
from conta_core.data.reading import files_to_watch
from conta_core.errors import ContaError
from conta_core.runtime.gpus import count_visible_gpus
from conta_core.workflow.dataset_files import digest_of_files
from conta_core.workflow.stages import BY_NAME, BY_OUTPUT, STAGES, owner_of
from conta_core.runtime.writable import require_writable

try:
    if workflow.is_main_process:
        require_one_configfile(sys.argv)
        for configfile in workflow.configfiles:
            require_single_keys(configfile)
    if not isinstance(workflow.config_settings.config_args, str):
        require_given_once(workflow.config_settings.config_args or [])
    config = typed_config(config, workflow.config_settings.config)
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


def get_path_of_round(path, run):
    """Like `get_path`, of a path with a round's number; a file of the user's stays as it is."""
    found = re.match(r"results/\{run\}/round-(\d+)/", path)
    if found is None:
        return path
    index = found[1]
    return get_path(path.replace(f"round-{index}/", "round-{round}/"), run, int(index))


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

    def settings(wildcards):
        experiment = EXPERIMENTS[wildcards.run]
        try:
            methods.require_stage(name, experiment, wildcards.run)
        except ContaError as error:
            raise WorkflowError(str(error)) from None
        index = int(wildcards.round) if stage.by_round else None
        require_chosen(stage, experiment, wildcards.run, index)
        return pick(experiment, stage.all_keys(index, experiment), stage.without)

    return settings


def require_chosen(stage, experiment, run, index):
    """Refuse a stage that the run's seed, refinement or pseudo-masks do without."""
    cam, refinement, masks = experiment.cam, experiment.refinement, experiment.pseudo_masks
    groups = {
        ("cam.method", cam.method): index is None or cam.has_stage(stage.name, index),
        ("refinement.method", refinement.method): refinement.has_stage(stage.name),
        ("pseudo_masks.imported", masks.imported): index is None
        or masks.has_stage(stage.name, index),
    }
    for (key, value), has in groups.items():
        if not has:
            raise WorkflowError(
                f"run {run}: {key} is {value!r}, which has no {stage.name} in round {index}; ask "
                "for other files of this run"
            )


def get_chosen_inputs(name):
    """A function of the wildcards: what a stage reads through the run's seed, refinement, method."""
    stage = BY_NAME[name]

    def paths(wildcards):
        run = wildcards.run
        found = stage.further_inputs(int(wildcards.round), EXPERIMENTS[run])
        return {name: get_path_of_round(path, run) for name, path in found.items()}

    return paths


def get_run_settings(wildcards):
    """The keys that the run's results depend on: a change of any other reruns nothing."""
    experiment = EXPERIMENTS[wildcards.run]
    unused = ["shards"] if experiment.start_from else ["shards", "start_from"]
    if experiment.dataset.format != "context-shapes":
        unused += ["dataset.images", "dataset.size", "dataset.confounding"]
    keys = [key for key in type(experiment).model_fields if key != "context"]
    keys += methods.keys("summarise", experiment, experiment.rounds - 1)
    return pick(experiment, keys, unused)


def get_lacking_stages(wildcards):
    """Names of the stages of every round that the run does without, or `name/round-0`."""
    experiment = EXPERIMENTS[wildcards.run]
    found = []
    for stage in (one for one in STAGES if one.by_round and not one.depends_on_config):
        rounds = range(experiment.rounds)
        without = [index for index in rounds if not stage.is_needed(index, experiment)]
        everywhere = len(without) == experiment.rounds
        found += [stage.name] if everywhere else [f"{stage.name}/round-{i}" for i in without]
    return found


def get_dataset_files(wildcards):
    """What index_dataset reads that a user may edit, or that the workflow makes."""
    files = files_to_watch(EXPERIMENTS[wildcards.run].dataset)
    # Snakemake takes braces in a path for wildcards; that file's content counts all the same
    return [path for path in files if not {"{", "}"} & {*path}]


def get_digest_of_tables(wildcards):
    """What those files hold, so that an older file in their place is noticed too."""
    return digest_of_files(files_to_watch(EXPERIMENTS[wildcards.run].dataset))


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


def reach_library(workflow):
    """Let scripts find the library beside the Snakefile, in environments that do not hold it.

    Snakemake adds folders of its own to the path of each script; conda's environments get no
    PYTHONPATH. Where the library is installed, that one is found first.
    """
    folders = script_module.get_snakemake_searchpaths
    script_module.get_snakemake_searchpaths = lambda: [*folders(), str(workflow.basedir)]


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
