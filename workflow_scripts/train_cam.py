"""Train the CAM classifier of a round."""

from conta_core.causal.conta.context_ingredients import IngredientPaths
from conta_core.runtime.device import count_devices
from conta_core.runtime.gpus import count_asked_gpus
from conta_core.runtime.jobs import job
from conta_core.settings import CamSettings, ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.train_cam import train_cam
from conta_core.training.files import training_files

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    # the params name a method only where the round intervenes
    context = {"method": "none", **settings.get("context", {})}
    train_cam(
        manifest=snakemake.input.manifest,
        context=snakemake.input.context or None,
        ingredients=IngredientPaths.of(snakemake.input.ingredients),
        pseudo_masks=snakemake.input.pseudo_masks or None,
        objects=snakemake.input.objects or None,
        initial_weights=snakemake.input.initial_weights or None,
        output=snakemake.output[0],
        settings=parse_settings(CamSettings, settings["cam"], "cam"),
        context_settings=parse_settings(ContextSettings, context, "context"),
        seed=settings["seed"],
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
        processes=count_devices(count_asked_gpus(snakemake.resources)),
        files=training_files(snakemake.rule, snakemake.wildcards),
    )
