"""Train the classifier of a round and extract its CAMs.

Required inputs:
    results/{run}/dataset.json
    what the run's method takes from round - 1 (conta_core/causal/methods)
Outputs:
    results/{run}/round-{round}/cam/model.safetensors
    results/{run}/round-{round}/cam/recam.safetensors     with cam.method recam
    results/{run}/round-{round}/cam/cams.h5
"""


rule train_cam:
    input:
        unpack(get_chosen_inputs("train_cam")),
        manifest="results/{run}/dataset.json",
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
        settings=get_settings("train_cam"),
    message:
        "{wildcards.run} round {wildcards.round}: train the CAM classifier"
    script:
        "../workflow_scripts/train_cam.py"


rule train_recam:
    input:
        unpack(get_chosen_inputs("train_recam")),
        manifest="results/{run}/dataset.json",
        classifier="results/{run}/round-{round}/cam/model.safetensors",
    output:
        "results/{run}/round-{round}/cam/recam.safetensors",
    log:
        "logs/train_recam/{run}/round-{round}.log",
    benchmark:
        "benchmarks/train_recam/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(480),
    params:
        settings=get_settings("train_recam"),
    message:
        "{wildcards.run} round {wildcards.round}: train the classifier on as ReCAM's"
    script:
        "../workflow_scripts/train_recam.py"


rule extract_cams:
    input:
        unpack(get_chosen_inputs("extract_cams")),
        manifest="results/{run}/dataset.json",
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
        settings=get_settings("extract_cams"),
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
        settings=get_settings("extract_cams"),
    message:
        "{wildcards.run} round {wildcards.round}: gather the CAMs"
    script:
        "../workflow_scripts/gather_store.py"
