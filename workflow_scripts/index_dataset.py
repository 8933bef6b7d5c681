"""Check the data set and write its manifest."""

from conta_core.runtime.jobs import job
from conta_core.settings import DatasetSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.index_dataset import index_dataset

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    index_dataset(
        settings=parse_settings(DatasetSettings, settings["dataset"], "dataset"),
        made=snakemake.input.made or None,
        output=snakemake.output[0],
        workers=snakemake.threads,
    )
