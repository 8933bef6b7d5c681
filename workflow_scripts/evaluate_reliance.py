"""Ask how far the scores of a round's classifier hang on context."""

from conta_core.causal.methods import CausalInputs
from conta_core.runtime.jobs import job
from conta_core.settings import ContextSettings
from conta_core.settings.load import parse_settings
from conta_core.stages.evaluate_reliance import evaluate_reliance

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    settings = snakemake.params.settings
    context = parse_settings(ContextSettings, settings.get("context", {}), "context")
    files = dict(snakemake.input.items())
    evaluate_reliance(
        manifest=files.pop("manifest"),
        model=files.pop("model"),
        method=settings["cam"]["method"],
        cams=files.pop("cams", None),
        pseudo_masks=files.pop("pseudo_masks"),
        # what is left is the method's
        causal=CausalInputs(context, files),
        output=snakemake.output[0],
        images=settings["reliance_images"],
        run=snakemake.wildcards.run,
        round_index=int(snakemake.wildcards.round),
        threads=snakemake.threads,
    )
