"""Ask how far the scores of a round's classifier hang on context."""

from conta_core.causal.conta.context_ingredients import IngredientPaths
from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.evaluate_reliance import evaluate_reliance

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    evaluate_reliance(
        manifest=snakemake.input.manifest,
        model=snakemake.input.model,
        cams=snakemake.input.cams,
        pseudo_masks=snakemake.input.pseudo_masks,
        context=snakemake.input.context or None,
        ingredients=IngredientPaths.of(snakemake.input.ingredients),
        output=snakemake.output[0],
        images=settings["reliance_images"],
        scaling=parse_settings(ContextSettings, settings.get("context", {}), "context").scaling,
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
    )
