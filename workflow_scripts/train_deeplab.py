"""Train the segmentation model of a round."""

from conta_core.causal.methods import CausalInputs
from conta_core.runtime.device import count_devices
from conta_core.runtime.gpus import count_asked_gpus
from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.choices import SEGMENTATION_NETWORKS
from conta_core.settings.load import parse_settings, parse_variant
from conta_core.stages.train_deeplab import train_deeplab
from conta_core.training.files import training_files

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    context = parse_settings(ContextSettings, settings.get("context", {}), "context")
    files = dict(snakemake.input.items())
    train_deeplab(
        manifest=files.pop("manifest"),
        pseudo_masks=files.pop("pseudo_masks"),
        # what is left is the method's
        causal=CausalInputs(context, files),
        output=snakemake.output[0],
        settings=parse_variant(SEGMENTATION_NETWORKS, settings["segmentation"], "segmentation"),
        seed=settings["seed"],
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
        processes=count_devices(count_asked_gpus(snakemake.resources)),
        files=training_files(snakemake.rule, snakemake.wildcards),
    )
