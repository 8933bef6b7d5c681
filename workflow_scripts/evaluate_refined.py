"""Score the refined CAMs of a round."""

from conta_core.runtime.jobs import job
from conta_core.stages.evaluate_refined import evaluate_refined

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    evaluate_refined(
        manifest=snakemake.input.manifest,
        refined=snakemake.input.refined,
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
    )
