"""Train the segmentation model on the pseudo-masks and predict both lists.

Required inputs:
    results/{run}/dataset.json
    results/{run}/round-{round}/pseudo_masks/
    what the run's method adds (conta_core/causal/methods)
Outputs:
    results/{run}/round-{round}/segmentation/model.safetensors
    results/{run}/round-{round}/segmentation/train_masks.h5   X_m, training list
    results/{run}/round-{round}/segmentation/logits.h5        validation list
"""


rule train_deeplab:
    input:
        unpack(get_chosen_inputs("train_deeplab")),
        manifest="results/{run}/dataset.json",
        pseudo_masks="results/{run}/round-{round}/pseudo_masks",
    output:
        "results/{run}/round-{round}/segmentation/model.safetensors",
    log:
        "logs/train_deeplab/{run}/round-{round}.log",
    benchmark:
        "benchmarks/train_deeplab/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=grow(8000),
        runtime=grow(480),
    params:
        settings=get_settings("train_deeplab"),
    message:
        "{wildcards.run} round {wildcards.round}: train the segmentation model"
    script:
        "../workflow_scripts/train_deeplab.py"


rule predict_train_masks:
    input:
        manifest="results/{run}/dataset.json",
        model="results/{run}/round-{round}/segmentation/model.safetensors",
    output:
        temp("results/{run}/round-{round}/segmentation/train_masks.parts/{part}-of-{parts}"),
    log:
        "logs/predict_train_masks/{run}/round-{round}/{part}-of-{parts}.log",
    benchmark:
        "benchmarks/predict_train_masks/{run}/round-{round}/{part}-of-{parts}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: HALF_OF_THE_CORES
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(240),
    message:
        "{wildcards.run} round {wildcards.round}: predict the training list, {wildcards.part} of {wildcards.parts}"
    script:
        "../workflow_scripts/predict_train_masks.py"


rule gather_train_masks:
    input:
        get_parts("results/{run}/round-{round}/segmentation/train_masks.parts"),
    output:
        "results/{run}/round-{round}/segmentation/train_masks.h5",
    log:
        "logs/gather_train_masks/{run}/round-{round}.log",
    benchmark:
        "benchmarks/gather_train_masks/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    message:
        "{wildcards.run} round {wildcards.round}: gather the training masks"
    script:
        "../workflow_scripts/gather_store.py"


rule predict_logits:
    input:
        manifest="results/{run}/dataset.json",
        model="results/{run}/round-{round}/segmentation/model.safetensors",
    output:
        temp("results/{run}/round-{round}/segmentation/logits.parts/{part}-of-{parts}"),
    log:
        "logs/predict_logits/{run}/round-{round}/{part}-of-{parts}.log",
    benchmark:
        "benchmarks/predict_logits/{run}/round-{round}/{part}-of-{parts}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: HALF_OF_THE_CORES
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(240),
    message:
        "{wildcards.run} round {wildcards.round}: predict the validation list, {wildcards.part} of {wildcards.parts}"
    script:
        "../workflow_scripts/predict_logits.py"


rule gather_logits:
    input:
        get_parts("results/{run}/round-{round}/segmentation/logits.parts"),
    output:
        "results/{run}/round-{round}/segmentation/logits.h5",
    log:
        "logs/gather_logits/{run}/round-{round}.log",
    benchmark:
        "benchmarks/gather_logits/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    message:
        "{wildcards.run} round {wildcards.round}: gather the logits"
    script:
        "../workflow_scripts/gather_store.py"
