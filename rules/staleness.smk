"""What Snakemake compares with the last run, to know what is stale.

Switch the comparison of code off by `--rerun-triggers mtime params input software-env`.
"""

import re
from pathlib import Path

from snakemake.persistence import PersistenceBase

from conta_core.workflow.fingerprint import fingerprint
from conta_core.workflow.stages import STAGES

# rule -> the rule whose work it gathers
GATHERED = {stage.gathered_by: stage.name for stage in STAGES if stage.gathered_by}
PART = re.compile(r"\.parts/\d+-of-\d+$")


def compare_library_code(workflow):
    """Make what a rule's script reaches in the library the code that Snakemake compares.

    A store is as stale as the work that it gathers.
    """
    root = Path(workflow.basedir)
    scripts = {
        item.name: root / "workflow_scripts" / Path(item.script).name
        for item in workflow.rules
        if item.script
    }
    for item in workflow.rules:
        if item.script:
            names = [item.name, GATHERED.get(item.name)]
            item.run_func_src = "".join(fingerprint(scripts[n], root) for n in names if n)


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
