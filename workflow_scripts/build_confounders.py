"""Build the confounder set of a round."""

from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.build_confounders import build_confounders

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    build_confounders(
        manifest=snakemake.input.manifest,
        masks=snakemake.input.masks,
        output=snakemake.output[0],
        settings=parse_settings(ContextSettings, settings["context"], "context"),
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
    )
