"""Make the IR labels of a round."""

from conta_core.runtime.jobs import job
from conta_core.settings import IrnSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.image_by_image import part_output
from conta_core.stages.make_irn_labels import make_irn_labels

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    make_irn_labels(
        manifest=snakemake.input.manifest,
        cams=snakemake.input.cams,
        output=part_output(snakemake.output[0], snakemake.wildcards),
        settings=parse_settings(IrnSettings, settings["irn"], "irn"),
        workers=snakemake.threads,
    )
