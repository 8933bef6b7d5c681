"""Write summary.json and report.html of a run."""

from conta_core.runtime.jobs import job
from conta_core.stages.summarise import summarise
from conta_core.workflow.run_folders import files_by_round

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    summarise(
        manifest=snakemake.input.manifest,
        rounds=files_by_round(snakemake.input),
        settings=snakemake.params.settings,
        benchmarks="benchmarks",
        output=snakemake.output.summary,
        report=snakemake.output.report,
        run=snakemake.wildcards.run,
        lacking=snakemake.params.lacking,
        start_from=snakemake.params.settings.get("start_from"),
    )
