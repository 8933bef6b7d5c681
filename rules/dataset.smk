"""From a data set to the manifest that every stage follows.

Required inputs:
    dataset.root/...                        lists, json or tags.csv, by dataset.format
Outputs:
    results/{run}/context_shapes/           context-shapes only: a VOC devkit tree, made
    results/{run}/coco_masks/               coco only: ground-truth masks, rasterised
    results/{run}/dataset.json              the manifest: images, tags, lists, all checked
"""


rule make_context_shapes:
    message:
        "{wildcards.run}: make context-shapes"
    output:
        directory("results/{run}/context_shapes"),
    params:
        settings=get_settings("dataset.images", "dataset.size", "dataset.confounding", "seed"),
    log:
        "logs/make_context_shapes/{run}.log",
    benchmark:
        "benchmarks/make_context_shapes/{run}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    conda:
        "../envs/conta.yaml"
    script:
        "../workflow_scripts/make_context_shapes.py"


rule make_coco_masks:
    message:
        "{wildcards.run}: rasterise COCO's instances"
    input:
        annotations=get_dataset_files,
    output:
        directory("results/{run}/coco_masks"),
    params:
        settings=get_settings("dataset.format", "dataset.root", "dataset.lists", "dataset.classes"),
    log:
        "logs/make_coco_masks/{run}.log",
    benchmark:
        "benchmarks/make_coco_masks/{run}.tsv"
    threads: 1
    resources:
        mem_mb=6000,
    conda:
        "../envs/conta.yaml"
    script:
        "../workflow_scripts/make_coco_masks.py"


rule index_dataset:
    message:
        "{wildcards.run}: index the data set"
    input:
        files=get_dataset_files,
        made=get_made_dataset,
    output:
        "results/{run}/dataset.json",
    params:
        settings=get_settings(
            "dataset", without=["dataset.images", "dataset.size", "dataset.confounding"]
        ),
    log:
        "logs/index_dataset/{run}.log",
    benchmark:
        "benchmarks/index_dataset/{run}.tsv"
    threads: 4
    resources:
        mem_mb=2000,
    conda:
        "../envs/conta.yaml"
    script:
        "../workflow_scripts/index_dataset.py"
