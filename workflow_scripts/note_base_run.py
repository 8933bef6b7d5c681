"""Note whose data set and round 0 a run goes on from."""

from conta_core.runtime.jobs import job
from conta_core.stages.note_base_run import note_base_run

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    note_base_run(
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        start_from=snakemake.params.settings["start_from"],
    )
