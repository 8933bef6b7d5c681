"""Predict X_m of the training list."""

from conta_core.jobs import job
from conta_core.stages.predict_train_masks import predict_train_masks

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    predict_train_masks(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
    )
