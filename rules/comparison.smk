"""What the arms of a comparison differ by.

Required inputs:
    results/{run}/summary.json              of every run of the key comparison
    benchmarks/                             read where they are there, as in summarise
Outputs:
    results/{comparison}/comparison.json    every number of every arm, level and round
    results/{comparison}/comparison.md      the tables
    results/{comparison}/comparison.html    tables and figures
"""


rule compare:
    input:
        summaries=get_compared("results/{run}/summary.json"),
    output:
        results="results/{comparison}/comparison.json",
        table="results/{comparison}/comparison.md",
        page=report(
            "results/{comparison}/comparison.html",
            caption="captions/comparison.rst",
            category="Comparison",
            labels={"comparison": "{comparison}"},
        ),
    log:
        "logs/compare/{comparison}.log",
    benchmark:
        "benchmarks/compare/{comparison}.tsv"
    conda:
        "../envs/conta.yaml"
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(30),
    params:
        settings=get_design,
    message:
        "{wildcards.comparison}: compare the arms"
    script:
        "../workflow_scripts/compare.py"
