"""Rasterise COCO's instances into label masks."""

from conta_core.runtime.jobs import job
from conta_core.settings import DatasetSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.make_coco_masks import make_coco_masks

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    make_coco_masks(
        settings=parse_settings(DatasetSettings, settings["dataset"], "dataset"),
        output=snakemake.output[0],
    )
