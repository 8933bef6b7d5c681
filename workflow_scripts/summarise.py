"""Write summary.json and report.html of a run."""

from conta_core.jobs import job
from conta_core.stages.summarise import summarise

STORES = ("cams", "refined", "pseudo_masks", "train_masks", "logits")
SCORES = ("cam", "refined", "pseudo_masks", "segmentation", "segmentation_crf")


def paths_of_round(files, index):
    """The files of one round, by the names that the stage takes."""
    contexts = files.context
    paths = {name: files[name][index] for name in STORES}
    paths["context"] = contexts[index] if index < len(contexts) else None
    paths["scores"] = {name: files[f"{name}_scores"][index] for name in SCORES}
    return paths


with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    files = snakemake.input
    summarise(
        manifest=files.manifest,
        rounds=[paths_of_round(files, index) for index in range(len(files.cams))],
        output=snakemake.output.summary,
        report=snakemake.output.report,
        run=snakemake.wildcards.run,
    )
