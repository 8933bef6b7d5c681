"""From a data set to the manifest that every stage follows.

Required inputs:
    dataset.root/...                        lists, json or tags.csv, by dataset.format
Outputs:
    results/{run}/context_shapes/           context-shapes only: a VOC devkit tree, made
    results/{run}/coco_masks/               coco only: ground-truth masks, rasterised
    results/{run}/start.json                with start_from only: the run whose made data and round 0
                                            stand for the run's own
    results/{run}/dataset.json              the manifest: images, tags, lists, all checked
"""


rule make_context_shapes:
    output:
        directory("results/{run}/context_shapes"),
    log:
        "logs/make_context_shapes/{run}.log",
    benchmark:
        "benchmarks/make_context_shapes/{run}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(60),
    params:
        settings=get_settings("make_context_shapes"),
    message:
        "{wildcards.run}: make context-shapes"
    script:
        "../workflow_scripts/make_context_shapes.py"


rule make_coco_masks:
    input:
        annotations=ancient(get_dataset_files),
    output:
        directory("results/{run}/coco_masks"),
    log:
        "logs/make_coco_masks/{run}.log",
    benchmark:
        "benchmarks/make_coco_masks/{run}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(6000),
        runtime=grow(120),
    params:
        settings=get_settings("make_coco_masks"),
        tables=get_digest_of_tables,
    message:
        "{wildcards.run}: rasterise COCO's instances"
    script:
        "../workflow_scripts/make_coco_masks.py"


rule note_base_run:
    output:
        "results/{run}/start.json",
    log:
        "logs/note_base_run/{run}.log",
    benchmark:
        "benchmarks/note_base_run/{run}.tsv"
    priority: 1
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(10),
    params:
        settings=get_settings("note_base_run"),
    message:
        "{wildcards.run}: note the run that it starts from"
    script:
        "../workflow_scripts/note_base_run.py"


rule index_dataset:
    input:
        # compared by what they hold, not by their times
        files=ancient(get_dataset_files),
        made=get_made_dataset,
    output:
        "results/{run}/dataset.json",
    log:
        "logs/index_dataset/{run}.log",
    benchmark:
        "benchmarks/index_dataset/{run}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 4
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    params:
        settings=get_settings("index_dataset"),
        tables=get_digest_of_tables,
    message:
        "{wildcards.run}: index the data set"
    script:
        "../workflow_scripts/index_dataset.py"
