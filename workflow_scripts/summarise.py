"""Write summary.json and report.html of a run."""

from conta_core.runtime.jobs import job
from conta_core.stages.summarise import summarise

STORES = ("cams", "refined", "pseudo_masks", "train_masks", "logits")
OF_CONTEXT = ("confounders", "context")
SCORES = ("cam", "refined", "pseudo_masks", "segmentation", "segmentation_crf")


def paths_of_round(files, index):
    """The files of one round, by the names that the stage takes."""
    paths = {name: files[name][index] for name in STORES}
    for name in OF_CONTEXT:
        paths[name] = files[name][index] if index < len(files[name]) else None
    paths["reliance"] = files.reliances[index] if files.reliances else None
    paths["scores"] = {name: files[f"{name}_scores"][index] for name in SCORES}
    return paths


with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    files = snakemake.input
    summarise(
        manifest=files.manifest,
        rounds=[paths_of_round(files, index) for index in range(len(files.cams))],
        settings=snakemake.params.settings,
        benchmarks="benchmarks",
        output=snakemake.output.summary,
        report=snakemake.output.report,
        run=snakemake.wildcards.run,
        start_from=snakemake.params.settings.get("start_from"),
    )
