"""Extract the CAMs of a round."""

from conta_core.causal.methods import CausalInputs
from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.choices import SEEDS
from conta_core.settings.load import parse_settings, parse_variant
from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.image_by_image import part_output

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    context = parse_settings(ContextSettings, settings.get("context", {}), "context")
    seed = parse_variant(SEEDS, settings["cam"], "cam")
    files = dict(snakemake.input.items())
    names = seed.inputs("extract_cams", int(snakemake.wildcards.round))
    own = {name: files.pop(name) for name in names}
    extract_cams(
        manifest=files.pop("manifest"),
        model=own.get("model"),
        # what is left is the method's
        causal=CausalInputs(context, files),
        output=part_output(snakemake.output[0], snakemake.wildcards),
        settings=seed,
        threads=snakemake.threads,
    )
