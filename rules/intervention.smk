"""Measure a round's objects for the intervention: which tag each belongs to, what contexts tell.

Required inputs:
    results/{run}/dataset.json
    results/{run}/round-{round}/cam/model.safetensors
    results/{run}/round-{round}/pseudo_masks/
    (of round 0 these may be those of the run that it starts from)
Outputs:
    results/{run}/round-{round}/intervention/objects.h5
"""


rule measure_objects:
    input:
        unpack(get_chosen_inputs("measure_objects")),
        manifest="results/{run}/dataset.json",
        pseudo_masks=get_file("results/{run}/round-{round}/pseudo_masks"),
    output:
        temp("results/{run}/round-{round}/intervention/objects.parts/{part}-of-{parts}"),
    log:
        "logs/measure_objects/{run}/round-{round}/{part}-of-{parts}.log",
    benchmark:
        "benchmarks/measure_objects/{run}/round-{round}/{part}-of-{parts}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        settings=get_settings("measure_objects"),
    message:
        "{wildcards.run} round {wildcards.round}: measure objects, {wildcards.part} of {wildcards.parts}"
    script:
        "../workflow_scripts/measure_objects.py"


rule gather_objects:
    input:
        get_parts("results/{run}/round-{round}/intervention/objects.parts"),
    output:
        "results/{run}/round-{round}/intervention/objects.h5",
    log:
        "logs/gather_objects/{run}/round-{round}.log",
    benchmark:
        "benchmarks/gather_objects/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    params:
        settings=get_settings("measure_objects"),
    message:
        "{wildcards.run} round {wildcards.round}: gather the objects"
    script:
        "../workflow_scripts/gather_store.py"
