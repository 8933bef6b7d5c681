"""Make the pseudo-masks of a round."""

from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings, PseudoMaskSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.make_pseudo_masks import make_pseudo_masks

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    first_refined = snakemake.input.get("first_refined")
    context = parse_settings(ContextSettings, settings.get("context", {}), "context")
    make_pseudo_masks(
        manifest=snakemake.input.manifest,
        refined=snakemake.input.get("refined"),
        first_refined=first_refined,
        output=snakemake.output[0],
        settings=parse_settings(PseudoMaskSettings, settings["pseudo_masks"], "pseudo_masks"),
        area_filter=context.intervention.area_filter if first_refined else None,
        workers=snakemake.threads,
    )
