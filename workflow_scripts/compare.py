"""Compare the arms of a comparison."""

from conta_core.evaluation.comparison.design import Design
from conta_core.runtime.jobs import job
from conta_core.stages.compare import compare

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    compare(
        design=Design.from_values(snakemake.params.settings),
        summaries=list(snakemake.input.summaries),
        benchmarks="benchmarks",
        output=snakemake.output.results,
        table=snakemake.output.table,
        page=snakemake.output.page,
    )
