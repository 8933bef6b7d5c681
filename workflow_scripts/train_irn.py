"""Train the IRN of a round."""

from conta_core.runtime.device import count_devices
from conta_core.runtime.gpus import count_asked_gpus
from conta_core.runtime.jobs import job
from conta_core.settings import IrnSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.train_irn import train_irn
from conta_core.training.files import training_files

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    train_irn(
        manifest=snakemake.input.manifest,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
        settings=parse_settings(IrnSettings, settings["irn"], "irn"),
        seed=settings["seed"],
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
        processes=count_devices(count_asked_gpus(snakemake.resources)),
        files=training_files(snakemake.rule, snakemake.wildcards),
    )
