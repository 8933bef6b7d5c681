"""Make the pseudo-masks of a round."""

from conta_core.config import parse_settings
from conta_core.jobs import job
from conta_core.settings import IrnSettings, PseudoMaskSettings
from conta_core.stages.make_pseudo_masks import make_pseudo_masks

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    make_pseudo_masks(
        manifest=snakemake.input.manifest,
        refined=snakemake.input.refined,
        output=snakemake.output[0],
        settings=parse_settings(PseudoMaskSettings, settings["pseudo_masks"], "pseudo_masks"),
        label_crf=parse_settings(IrnSettings, settings["irn"], "irn").label_crf,
        workers=snakemake.threads,
    )
