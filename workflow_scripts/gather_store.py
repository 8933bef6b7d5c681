"""Gather the parts of a store into it."""

from conta_core.runtime.jobs import job
from conta_core.storage.stores.gathering import gather_store

with job(snakemake.log[0], snakemake.rule, snakemake.wildcards):
    gather_store(parts=list(snakemake.input), output=snakemake.output[0])
