"""The causal step: the confounder set, and the next round's context M.

Required inputs:
    results/{run}/dataset.json
    results/{run}/round-{round}/segmentation/train_masks.h5
    results/{run}/round-{round}/segmentation/logits.h5
    results/{run}/round-{round}/pseudo_masks/      where context.source is pseudo_masks
    (of round 0 these may be those of the run that it starts from; with context.oracle_masks: true they
    are waited for all the same, and not read)
Outputs:
    results/{run}/round-{round}/context/confounders.h5
    results/{run}/round-{round}/context/context.h5
"""


rule build_confounders:
    input:
        unpack(get_chosen_inputs("build_confounders")),
        manifest="results/{run}/dataset.json",
    output:
        "results/{run}/round-{round}/context/confounders.h5",
    log:
        "logs/build_confounders/{run}/round-{round}.log",
    benchmark:
        "benchmarks/build_confounders/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
    params:
        settings=get_settings("build_confounders"),
    message:
        "{wildcards.run} round {wildcards.round}: build the confounder set"
    script:
        "../workflow_scripts/build_confounders.py"


rule deconfound:
    input:
        manifest="results/{run}/dataset.json",
        confounders="results/{run}/round-{round}/context/confounders.h5",
        train_masks=get_file("results/{run}/round-{round}/segmentation/train_masks.h5"),
        logits=get_file("results/{run}/round-{round}/segmentation/logits.h5"),
    output:
        "results/{run}/round-{round}/context/context.h5",
    log:
        "logs/deconfound/{run}/round-{round}.log",
    benchmark:
        "benchmarks/deconfound/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        settings=get_settings("deconfound"),
    message:
        "{wildcards.run} round {wildcards.round}: compute the next round's context"
    script:
        "../workflow_scripts/deconfound.py"
