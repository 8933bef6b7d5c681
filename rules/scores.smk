"""The scores of every stage, against the ground truth where there is one.

Required inputs:
    results/{run}/dataset.json and the stage's own output
Outputs:
    results/{run}/round-{round}/scores/{cam,refined,pseudo_masks,segmentation,segmentation_crf}.json
    results/{run}/round-{round}/scores/reliance.json     how far classes hang on context; no truth
"""


rule evaluate_cams:
    input:
        manifest="results/{run}/dataset.json",
        cams="results/{run}/round-{round}/cam/cams.h5",
    output:
        "results/{run}/round-{round}/scores/cam.json",
    log:
        "logs/evaluate_cams/{run}/round-{round}.log",
    benchmark:
        "benchmarks/evaluate_cams/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
    message:
        "{wildcards.run} round {wildcards.round}: score the CAMs"
    script:
        "../workflow_scripts/evaluate_cams.py"


rule evaluate_refined:
    input:
        manifest="results/{run}/dataset.json",
        refined="results/{run}/round-{round}/irn/refined.h5",
    output:
        "results/{run}/round-{round}/scores/refined.json",
    log:
        "logs/evaluate_refined/{run}/round-{round}.log",
    benchmark:
        "benchmarks/evaluate_refined/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
    message:
        "{wildcards.run} round {wildcards.round}: score the refined CAMs"
    script:
        "../workflow_scripts/evaluate_refined.py"


rule evaluate_pseudo_masks:
    input:
        manifest="results/{run}/dataset.json",
        pseudo_masks="results/{run}/round-{round}/pseudo_masks",
    output:
        "results/{run}/round-{round}/scores/pseudo_masks.json",
    log:
        "logs/evaluate_pseudo_masks/{run}/round-{round}.log",
    benchmark:
        "benchmarks/evaluate_pseudo_masks/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
    message:
        "{wildcards.run} round {wildcards.round}: score the pseudo-masks"
    script:
        "../workflow_scripts/evaluate_pseudo_masks.py"


rule evaluate_reliance:
    input:
        unpack(get_chosen_inputs("evaluate_reliance")),
        manifest="results/{run}/dataset.json",
        pseudo_masks="results/{run}/round-{round}/pseudo_masks",
    output:
        "results/{run}/round-{round}/scores/reliance.json",
    log:
        "logs/evaluate_reliance/{run}/round-{round}.log",
    benchmark:
        "benchmarks/evaluate_reliance/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: HALF_OF_THE_CORES
    resources:
        gpu=1,
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        settings=get_settings("evaluate_reliance"),
    message:
        "{wildcards.run} round {wildcards.round}: ask how far classes hang on context"
    script:
        "../workflow_scripts/evaluate_reliance.py"


rule evaluate_segmentation:
    input:
        manifest="results/{run}/dataset.json",
        train_masks="results/{run}/round-{round}/segmentation/train_masks.h5",
        logits="results/{run}/round-{round}/segmentation/logits.h5",
    output:
        "results/{run}/round-{round}/scores/segmentation.json",
    log:
        "logs/evaluate_segmentation/{run}/round-{round}.log",
    benchmark:
        "benchmarks/evaluate_segmentation/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
    message:
        "{wildcards.run} round {wildcards.round}: score the segmentation"
    script:
        "../workflow_scripts/evaluate_segmentation.py"


rule evaluate_crf:
    input:
        manifest="results/{run}/dataset.json",
        logits="results/{run}/round-{round}/segmentation/logits.h5",
    output:
        "results/{run}/round-{round}/scores/segmentation_crf.json",
    log:
        "logs/evaluate_crf/{run}/round-{round}.log",
    benchmark:
        "benchmarks/evaluate_crf/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        mem_mb=grow(3000),
        runtime=grow(240),
    params:
        settings=get_settings("evaluate_crf"),
    message:
        "{wildcards.run} round {wildcards.round}: score the segmentation after a CRF"
    script:
        "../workflow_scripts/evaluate_crf.py"
