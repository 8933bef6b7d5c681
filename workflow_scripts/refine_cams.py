"""Refine the CAMs of a round."""

from conta_core.runtime.jobs import job
from conta_core.settings.choices import REFINEMENTS
from conta_core.settings.load import parse_variant
from conta_core.stages.image_by_image import part_output
from conta_core.stages.refine_cams import refine_cams

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    refine_cams(
        manifest=snakemake.input.manifest,
        model=snakemake.input.get("model"),
        cams=snakemake.input.cams,
        output=part_output(snakemake.output[0], snakemake.wildcards),
        settings=parse_variant(REFINEMENTS, settings["refinement"], "refinement"),
        threads=snakemake.threads,
    )
