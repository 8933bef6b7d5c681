"""IR labels from CAMs, IRNet on them, and the refined CAMs.

Required inputs:
    results/{run}/dataset.json
    results/{run}/round-{round}/cam/cams.h5
Outputs:
    results/{run}/round-{round}/irn/labels.h5
    results/{run}/round-{round}/irn/model.safetensors
    results/{run}/round-{round}/irn/refined.h5
"""


rule make_irn_labels:
    input:
        manifest="results/{run}/dataset.json",
        cams="results/{run}/round-{round}/cam/cams.h5",
    output:
        temp("results/{run}/round-{round}/irn/labels.parts/{part}-of-{parts}"),
    log:
        "logs/make_irn_labels/{run}/round-{round}/{part}-of-{parts}.log",
    benchmark:
        "benchmarks/make_irn_labels/{run}/round-{round}/{part}-of-{parts}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        mem_mb=grow(3000),
        runtime=grow(240),
    params:
        settings=get_settings("make_irn_labels"),
    message:
        "{wildcards.run} round {wildcards.round}: make IR labels, {wildcards.part} of {wildcards.parts}"
    script:
        "../workflow_scripts/make_irn_labels.py"


rule gather_labels:
    input:
        get_parts("results/{run}/round-{round}/irn/labels.parts"),
    output:
        "results/{run}/round-{round}/irn/labels.h5",
    log:
        "logs/gather_labels/{run}/round-{round}.log",
    benchmark:
        "benchmarks/gather_labels/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    params:
        settings=get_settings("make_irn_labels"),
    message:
        "{wildcards.run} round {wildcards.round}: gather the IR labels"
    script:
        "../workflow_scripts/gather_store.py"


rule train_irn:
    input:
        manifest="results/{run}/dataset.json",
        labels="results/{run}/round-{round}/irn/labels.h5",
    output:
        "results/{run}/round-{round}/irn/model.safetensors",
    log:
        "logs/train_irn/{run}/round-{round}.log",
    benchmark:
        "benchmarks/train_irn/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(6000),
        runtime=grow(480),
    params:
        settings=get_settings("train_irn"),
    message:
        "{wildcards.run} round {wildcards.round}: train the IRN"
    script:
        "../workflow_scripts/train_irn.py"


rule refine_cams:
    input:
        unpack(get_chosen_inputs("refine_cams")),
        manifest="results/{run}/dataset.json",
        cams="results/{run}/round-{round}/cam/cams.h5",
    output:
        temp("results/{run}/round-{round}/irn/refined.parts/{part}-of-{parts}"),
    log:
        "logs/refine_cams/{run}/round-{round}/{part}-of-{parts}.log",
    benchmark:
        "benchmarks/refine_cams/{run}/round-{round}/{part}-of-{parts}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(480),
    params:
        settings=get_settings("refine_cams"),
    message:
        "{wildcards.run} round {wildcards.round}: refine the CAMs, {wildcards.part} of {wildcards.parts}"
    script:
        "../workflow_scripts/refine_cams.py"


rule gather_refined:
    input:
        get_parts("results/{run}/round-{round}/irn/refined.parts"),
    output:
        "results/{run}/round-{round}/irn/refined.h5",
    log:
        "logs/gather_refined/{run}/round-{round}.log",
    benchmark:
        "benchmarks/gather_refined/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    params:
        settings=get_settings("refine_cams"),
    message:
        "{wildcards.run} round {wildcards.round}: gather the refined CAMs"
    script:
        "../workflow_scripts/gather_store.py"
