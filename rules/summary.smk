"""All rounds of a run at a glance.

Required inputs:
    results/{run}/dataset.json, and the scores and stores of every round
    results/{run}/start.json           where the run starts from another
    benchmarks/                        read where they are there; no input, since nothing of the
                                       results depends on them
Outputs:
    results/{run}/summary.json
    results/{run}/report.html
"""


rule summarise:
    input:
        manifest="results/{run}/dataset.json",
        start=get_start,
        scores=get_all_scores,
        cams=get_all_rounds("results/{run}/round-{round}/cam/cams.h5"),
        refined=get_all_rounds("results/{run}/round-{round}/irn/refined.h5"),
        pseudo_masks=get_all_rounds("results/{run}/round-{round}/pseudo_masks"),
        train_masks=get_all_rounds("results/{run}/round-{round}/segmentation/train_masks.h5"),
        logits=get_all_rounds("results/{run}/round-{round}/segmentation/logits.h5"),
        confounders=get_all_rounds("results/{run}/round-{round}/context/confounders.h5"),
        context=get_all_rounds("results/{run}/round-{round}/context/context.h5"),
    output:
        summary="results/{run}/summary.json",
        report=report(
            "results/{run}/report.html",
            caption="captions/report.rst",
            category="Report",
            labels={"run": "{run}"},
        ),
    log:
        "logs/summarise/{run}.log",
    benchmark:
        "benchmarks/summarise/{run}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(60),
    params:
        settings=get_run_settings,
        lacking=get_lacking_stages,
    message:
        "{wildcards.run}: summarise all rounds"
    script:
        "../workflow_scripts/summarise.py"
