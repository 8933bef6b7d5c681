"""Extract the CAMs of a round."""

from conta_core.causal.conta.context_ingredients import IngredientPaths
from conta_core.runtime.jobs import job
from conta_core.settings import CamSettings, ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.image_by_image import part_output

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    extract_cams(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        context=snakemake.input.context or None,
        ingredients=IngredientPaths.of(snakemake.input.ingredients),
        output=part_output(snakemake.output[0], snakemake.wildcards),
        scales=parse_settings(CamSettings, settings["cam"], "cam").scales,
        scaling=parse_settings(ContextSettings, settings.get("context", {}), "context").scaling,
        threads=snakemake.threads,
    )
