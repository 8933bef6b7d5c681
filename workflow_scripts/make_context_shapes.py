"""Make the context-shapes data set."""

from conta_core.runtime.jobs import job
from conta_core.settings import DatasetSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.make_context_shapes import make_context_shapes

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    make_context_shapes(
        settings=parse_settings(DatasetSettings, settings["dataset"], "dataset"),
        seed=settings["seed"],
        output=snakemake.output[0],
    )
