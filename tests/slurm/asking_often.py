"""Snakemake that asks SLURM every second how its jobs are; its words are Snakemake's own.

The executor waits ten seconds more after each answer that tells of no end. With jobs of some ten
seconds a run on SLURM would wait most of its time.
"""

from __future__ import annotations

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

if __name__ == "__main__":
    every_second = property(lambda executor: 1, lambda executor, seconds: None)
    RemoteExecutor.next_seconds_between_status_checks = every_second
    main()
