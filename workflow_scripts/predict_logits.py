"""Predict the validation list."""

from conta_core.runtime.jobs import job
from conta_core.stages.image_by_image import part_output
from conta_core.stages.predict_logits import predict_logits

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    predict_logits(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        output=part_output(snakemake.output[0], snakemake.wildcards),
        threads=snakemake.threads,
    )
