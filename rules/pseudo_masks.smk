"""From refined CAMs to pseudo-masks, PNGs in the VOC palette.

Required inputs:
    results/{run}/dataset.json
    results/{run}/round-{round}/irn/refined.h5     or the folder pseudo_masks.imported, in round 0
Outputs:
    results/{run}/round-{round}/pseudo_masks/     <image id>.png, 255 = ignore
"""


rule make_pseudo_masks:
    input:
        unpack(get_chosen_inputs("make_pseudo_masks")),
        manifest="results/{run}/dataset.json",
    output:
        directory("results/{run}/round-{round}/pseudo_masks"),
    log:
        "logs/make_pseudo_masks/{run}/round-{round}.log",
    benchmark:
        "benchmarks/make_pseudo_masks/{run}/round-{round}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 8
    resources:
        mem_mb=grow(3000),
        runtime=grow(240),
    params:
        settings=get_settings("make_pseudo_masks"),
    message:
        "{wildcards.run} round {wildcards.round}: make pseudo-masks"
    script:
        "../workflow_scripts/make_pseudo_masks.py"
