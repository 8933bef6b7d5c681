"""Predict X_m of the training list."""

from conta_core.runtime.jobs import job
from conta_core.stages.image_by_image import part_output
from conta_core.stages.predict_train_masks import predict_train_masks

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    predict_train_masks(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        output=part_output(snakemake.output[0], snakemake.wildcards),
        threads=snakemake.threads,
    )
