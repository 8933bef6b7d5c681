"""Score the segmentation model of a round."""

from conta_core.runtime.jobs import job
from conta_core.stages.evaluate_segmentation import evaluate_segmentation

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    evaluate_segmentation(
        manifest=snakemake.input.manifest,
        train_masks=snakemake.input.train_masks,
        logits=snakemake.input.logits,
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
    )
