"""Measure what the objects of a round's pseudo-masks are worth to its classifier."""

from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.image_by_image import part_output
from conta_core.stages.measure_objects import measure_objects

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    context = parse_settings(ContextSettings, settings["context"], "context")
    measure_objects(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        method=settings["cam"]["method"],
        pseudo_masks=snakemake.input.pseudo_masks,
        contexts=context.intervention.balances,
        output=part_output(snakemake.output[0], snakemake.wildcards),
        threads=snakemake.threads,
    )
