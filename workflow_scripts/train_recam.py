"""Train the CAM classifier of a round on with a softmax over its classes."""

from conta_core.causal.methods import CausalInputs
from conta_core.runtime.device import count_devices
from conta_core.runtime.gpus import count_asked_gpus
from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.choices import SEEDS
from conta_core.settings.load import parse_settings, parse_variant
from conta_core.stages.train_recam import train_recam
from conta_core.training.files import training_files

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    context = parse_settings(ContextSettings, settings.get("context", {}), "context")
    files = dict(snakemake.input.items())
    train_recam(
        manifest=files.pop("manifest"),
        classifier=files.pop("classifier"),
        # what is left is the method's
        causal=CausalInputs(context, files),
        output=snakemake.output[0],
        settings=parse_variant(SEEDS, settings["cam"], "cam"),
        seed=settings["seed"],
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
        processes=count_devices(count_asked_gpus(snakemake.resources)),
        files=training_files(snakemake.rule, snakemake.wildcards),
    )
