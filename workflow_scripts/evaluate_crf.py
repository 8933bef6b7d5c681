"""Score the segmentation model of a round after a CRF."""

from conta_core.runtime.jobs import job
from conta_core.settings import CrfSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.evaluate_crf import evaluate_crf

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    evaluate_crf(
        manifest=snakemake.input.manifest,
        logits=snakemake.input.logits,
        output=snakemake.output[0],
        settings=parse_settings(CrfSettings, settings["crf"], "crf"),
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
        workers=snakemake.threads,
    )
