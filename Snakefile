"""CONTA's rounds: images with tags in, pixel masks and a segmentation model out."""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"
include: "rules/dataset.smk"
include: "rules/cam.smk"
include: "rules/irn.smk"
include: "rules/pseudo_masks.smk"
include: "rules/segmentation.smk"
include: "rules/context.smk"
include: "rules/intervention.smk"
include: "rules/scores.smk"
include: "rules/summary.smk"
include: "rules/comparison.smk"
include: "rules/staleness.smk"


rule all:
    default_target: True
    input:
        get_targets("results/{run}/summary.json"),
        get_targets("results/{run}/report.html"),


rule pseudo_masks:
    input:
        get_starts(),
        get_targets("results/{run}/round-{round}/pseudo_masks"),
        get_targets("results/{run}/round-{round}/scores/pseudo_masks.json"),


rule evidence:
    input:
        get_comparison("results/{comparison}/comparison.json"),


reach_library(workflow)
compare_library_code(workflow)
compare_photographs(workflow)
compare_no_number_of_parts()
limit_gpus(workflow)
