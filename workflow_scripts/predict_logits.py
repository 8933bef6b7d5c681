"""Predict the validation list."""

from conta_core.jobs import job
from conta_core.stages.predict_logits import predict_logits

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    predict_logits(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
    )
