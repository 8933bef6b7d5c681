"""Refine the CAMs of a round by the random walk."""

from conta_core.runtime.jobs import job
from conta_core.settings import IrnSettings, WalkSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.image_by_image import part_output
from conta_core.stages.refine_cams import refine_cams

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    refine_cams(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        cams=snakemake.input.cams,
        output=part_output(snakemake.output[0], snakemake.wildcards),
        settings=parse_settings(WalkSettings, settings["walk"], "walk"),
        inference_pad=parse_settings(IrnSettings, settings["irn"], "irn").inference_pad,
        threads=snakemake.threads,
    )
