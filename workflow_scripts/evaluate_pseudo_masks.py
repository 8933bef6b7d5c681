"""Score the pseudo-masks of a round."""

from conta_core.runtime.jobs import job
from conta_core.stages.evaluate_pseudo_masks import evaluate_pseudo_masks

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    evaluate_pseudo_masks(
        manifest=snakemake.input.manifest,
        pseudo_masks=snakemake.input.pseudo_masks,
        output=snakemake.output[0],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
    )
