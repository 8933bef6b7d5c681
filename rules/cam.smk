"""Train the classifier of a round and extract its CAMs.

Required inputs:
    results/{run}/dataset.json
    results/{run}/round-{round - 1}/context/context.h5   M, of method conta
    (with context.learning: classifier confounders.h5, train_masks.h5 and logits.h5 in its place)
    results/{run}/round-{round - 1}/pseudo_masks/        objects, of method intervention
    results/{run}/round-{round - 1}/intervention/objects.h5   likewise
    results/{run}/round-{round - 1}/segmentation/model.safetensors   where it begins from it
Outputs:
    results/{run}/round-{round}/cam/model.safetensors
    results/{run}/round-{round}/cam/cams.h5
"""


rule train_cam:
    input:
        manifest="results/{run}/dataset.json",
        context=get_context,
        ingredients=get_ingredients,
        pseudo_masks=get_object_masks,
        objects=get_objects_before,
        initial_weights=get_initial_weights,
    output:
        "results/{run}/round-{round}/cam/model.safetensors",
    log:
        "logs/train_cam/{run}/round-{round}.log",
    benchmark:
        "benchmarks/train_cam/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(480),
    params:
        settings=get_classifier_settings,
    message:
        "{wildcards.run} round {wildcards.round}: train the CAM classifier"
    script:
        "../workflow_scripts/train_cam.py"


rule extract_cams:
    input:
        manifest="results/{run}/dataset.json",
        model="results/{run}/round-{round}/cam/model.safetensors",
        context=get_context,
        ingredients=get_ingredients,
    output:
        temp("results/{run}/round-{round}/cam/cams.parts/{part}-of-{parts}"),
    log:
        "logs/extract_cams/{run}/round-{round}/{part}-of-{parts}.log",
    benchmark:
        "benchmarks/extract_cams/{run}/round-{round}/{part}-of-{parts}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        settings=get_extraction_settings,
    message:
        "{wildcards.run} round {wildcards.round}: extract CAMs, {wildcards.part} of {wildcards.parts}"
    script:
        "../workflow_scripts/extract_cams.py"


rule gather_cams:
    input:
        get_parts("results/{run}/round-{round}/cam/cams.parts"),
    output:
        "results/{run}/round-{round}/cam/cams.h5",
    log:
        "logs/gather_cams/{run}/round-{round}.log",
    benchmark:
        "benchmarks/gather_cams/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    params:
        settings=get_extraction_settings,
    message:
        "{wildcards.run} round {wildcards.round}: gather the CAMs"
    script:
        "../workflow_scripts/gather_store.py"
