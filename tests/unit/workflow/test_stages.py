"""The table of stages says what the rules say."""

from __future__ import annotations

import re
from pathlib import Path

from conta_core.workflow.stages import STAGES

REPOSITORY = Path(__file__).resolve().parents[3]
RULE = re.compile(r"^rule (\w+):\n((?:[ ].*\n|\n)*)", re.MULTILINE)


def rules() -> dict[str, tuple[list[str], list[str]]]:
    """rule -> paths of its output, paths of its log."""
    found = {}
    for file in (REPOSITORY / "rules").glob("*.smk"):
        for name, body in RULE.findall(file.read_text()):
            blocks = dict(re.findall(r"^ {4}(\w+):\n((?: {8}.*\n)+)", body, re.M))
            found[name] = tuple(
                re.findall(r'"((?:results|logs)/[^"]+)"', blocks.get(key, ""))
                for key in ("output", "log")
            )
    return found


def test_every_rule_is_there_once() -> None:
    known = [name for stage in STAGES for name in (stage.name, stage.gathered_by) if name]
    # compare is of several runs
    assert sorted([*known, "compare"]) == sorted(rules())


def test_outputs_and_logs() -> None:
    found = rules()
    for stage in STAGES:
        index = "{round}" if stage.by_round else None
        output = stage.path("{run}", index)  # type: ignore[arg-type]
        log = stage.log("{run}", index)  # type: ignore[arg-type]
        outputs, logs = found[stage.gathered_by or stage.name]
        assert output in outputs
        assert logs == [log]
        if stage.gathered_by:
            part = "{part}-of-{parts}"
            outputs, logs = found[stage.name]
            assert outputs == [stage.part("{run}", index, part)]  # type: ignore[arg-type]
            assert logs == [stage.log("{run}", index, part)]  # type: ignore[arg-type]
