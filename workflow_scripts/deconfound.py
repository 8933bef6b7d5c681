"""Compute the next round's context."""

from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.deconfound import deconfound

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    deconfound(
        manifest=snakemake.input.manifest,
        confounders=snakemake.input.confounders,
        train_masks=snakemake.input.train_masks,
        logits=snakemake.input.logits,
        output=snakemake.output[0],
        settings=parse_settings(ContextSettings, settings["context"], "context"),
        seed=settings["seed"],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
    )
