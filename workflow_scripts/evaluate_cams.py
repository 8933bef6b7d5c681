"""Score the CAMs of a round."""

from conta_core.runtime.jobs import job
from conta_core.stages.evaluate_cams import evaluate_cams

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    evaluate_cams(
        manifest=snakemake.input.manifest,
        cams=snakemake.input.cams,
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
    )
