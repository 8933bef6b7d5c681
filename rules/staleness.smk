"""What Snakemake compares with the last run, to know what is stale.

Switch the comparison of code off by `--rerun-triggers mtime params input software-env`.
"""

import re
from contextvars import ContextVar
from pathlib import Path

from snakemake.logging import logger
from snakemake.persistence import PersistenceBase

from conta_core.settings.base import leaves
from conta_core.workflow.dataset_files import changed_files
from conta_core.workflow.fingerprint import fingerprint
from conta_core.workflow.stages import STAGES

# rule -> the rule whose work it gathers
GATHERED = {stage.gathered_by: stage.name for stage in STAGES if stage.gathered_by}
PART = re.compile(r"\.parts/\d+-of-\d+$")
# the job whose code Snakemake asks for
COMPARED = ContextVar("compared", default=None)


def get_chosen(run, index):
    """The words among a run's settings: what they choose in a registry is part of its code.

    No round 0 is of the run's method.
    """
    if run is None:
        return None
    values = EXPERIMENTS[run].model_dump(mode="json")
    if index == "0":
        values["context"]["method"] = "none"
    return {key: value for key, value in leaves(values) if isinstance(value, str)}


def get_code(workflow, job):
    """Fingerprint of what a job's script reaches in the library, of its gathered work's too."""
    if job is None:
        raise WorkflowError(
            "rules/staleness.smk: Snakemake asked for the code of a rule without a job, which this "
            "version of it did not use to do; switch the comparison of code off by "
            "--rerun-triggers mtime params input software-env"
        )
    root = Path(workflow.basedir)
    scripts = {rule.name: Path(rule.script).name for rule in workflow.rules if rule.script}
    names = [name for name in (job.rule.name, GATHERED.get(job.rule.name)) if name in scripts]
    chosen = get_chosen(job.wildcards.get("run"), job.wildcards.get("round"))
    files = [root / "workflow_scripts" / scripts[name] for name in names]
    return "".join(fingerprint(file, root, chosen) for file in files) or None


def compare_library_code(workflow):
    """Make what a job's script reaches in the library the code that Snakemake compares.

    Snakemake asks for the code of a rule; the code of a job hangs on its run's settings too.
    """
    base = PersistenceBase
    finished, changed = base.finished, base._code_changed

    async def note_finished(self, job):
        COMPARED.set(job)
        await finished(self, job)

    def is_changed(self, job, file=None):
        COMPARED.set(job)
        return changed(self, job, file)

    base.finished, base._code_changed = note_finished, is_changed
    base._code = lambda self, rule: get_code(workflow, COMPARED.get())


def compare_photographs(workflow):
    """Let index_dataset be stale where a photograph or mask is another file than it read."""
    base = PersistenceBase
    changed = base._input_changed

    def is_changed(self, job, file=None):
        if changed(self, job, file):
            return True
        if job.rule.name != "index_dataset" or not workflow.is_main_process or file is None:
            return False
        files = changed_files(file)
        if files:
            logger.warning(
                f"{file}: {len(files)} photographs or masks are other files than index_dataset "
                f"read, among them {', '.join(files[:3])}: it runs again, and what depends on it"
            )
        return bool(files)

    base._input_changed = is_changed


def compare_no_number_of_parts():
    """Let a store not be stale because it would now be made in other parts.

    The parts are one input by the name of their folder, and what Snakemake noted of a part
    counts while the part is there: it is deleted when its store is gathered, whose own
    settings, code and input files are compared.
    """
    base = PersistenceBase
    inputs, metadata, has_metadata = base._input, base.metadata, base.has_metadata

    def is_gone(path):
        return PART.search(path) is not None and not Path(path).exists()

    base._input = lambda self, job: sorted({PART.sub(".parts", f) for f in inputs(self, job)})
    base.metadata = lambda self, path: None if is_gone(path) else metadata(self, path)
    base.has_metadata = lambda self, job: (all(map(is_gone, job.output)) or has_metadata(self, job))
