from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scored_run import CONFOUNDING, SPLITS

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.scores.score_files import score_entry, write_scores
from conta_core.evaluation.summary import main, read_summary, render_table
from conta_core.stages.summarise import summarise
from conta_core.workflow.stages import SCORED


def test_summary_is_one_flat_row_a_round_stage_and_list(run: dict[str, Any]) -> None:
    summarise(**run)
    summary = read_summary(run["output"])
    assert len(summary["scores"]) == 2 * 7
    row = summary["scores"][0]
    assert (row["round"], row["stage"], row["split"], row["list"]) == (
        0,
        "cam",
        "train",
        "train_aug",
    )
    assert row["iou"]["cat"] > 0
    assert summary["confounding"] == [
        {"round": index, "stage": "cam", "split": "val", **CONFOUNDING} for index in range(2)
    ]


def test_scores_of_another_round_are_refused(run: dict[str, Any]) -> None:
    run["rounds"][1]["scores"]["cam"] = run["rounds"][0]["scores"]["cam"]
    with pytest.raises(ContaError, match=r"\('r', 0, 'cam'\), expected \('r', 1, 'cam'\)"):
        summarise(**run)
    assert not Path(run["output"]).exists()


def test_scores_of_round_0_of_another_run(run: dict[str, Any]) -> None:
    with pytest.raises(ContaError, match=r"\('r', 0, 'cam'\), expected \('a', 0, 'cam'\)"):
        summarise(**run, start_from="a")
    for path in (*run["rounds"][0]["scores"].values(), run["rounds"][0]["reliance"]):
        text = Path(path).read_text()
        Path(path).write_text(text.replace('"run": "r"', '"run": "a"'))
    summarise(**run, start_from="a")
    summary = read_summary(run["output"])
    assert (summary["run"], summary["start_from"]) == ("r", "a")
    assert len(summary["scores"]) == 2 * 7
    assert "of round 0" in Path(run["report"]).read_text()
    with pytest.raises(ContaError, match=r"\('a', 0, 'cam'\), expected \('r', 0, 'cam'\)"):
        summarise(**run)


def test_table_and_report_without_scores(run: dict[str, Any], tmp_path: Path) -> None:
    manifest = Manifest.load(run["manifest"])
    empty = np.zeros((3, 4), dtype=np.int64)
    for index, paths in enumerate(run["rounds"]):
        for stage, splits in SPLITS.items():
            entries = {
                split: score_entry(empty, manifest=manifest, list_name=split, images=0)
                for split in splits
            }
            write_scores(
                paths["scores"][stage], run="r", round_index=index, stage=stage, lists=entries
            )
    summarise(**run)
    summary = read_summary(run["output"])
    assert "confounding" not in render_table(summary)
    assert "0 of 3 images scored" in render_table(summary)
    assert "has no ground-truth masks" in Path(run["report"]).read_text()


def test_table(run: dict[str, Any]) -> None:
    summarise(**run)
    lines = render_table(read_summary(run["output"])).splitlines()
    assert lines[0] == "run r, data set set"
    assert lines[2] == (
        'mIoU in percent, training list "train_aug": 2 of 3 images scored, ground truth: masks & co'
    )
    headings = " ".join(lines[3].split())
    assert headings == "round CAMs refined CAMs pseudo-masks segmentation model"
    # 11 right of 11 + 3 + 2 pixels, then 12 of 12 + 3 + 2
    assert lines[4].split() == ["0", *["68.8"] * 4]
    assert lines[5].split() == ["1", *["70.6"] * 4]
    assert lines[7] == "FPR / FNR in percent of the union, training list"
    assert " ".join(lines[8].split()) == headings
    # of those 16 pixels 2 are not the label, and 3 are taken for another
    assert lines[9].split() == ["0", *["12.5", "/", "18.8"] * 4]
    assert lines[10].split() == ["1", *["11.8", "/", "17.6"] * 4]
    pairs = [" ".join(line.split()) for line in lines if "+20.2" in line]
    assert pairs[0] == "0 pseudo-masks training list 1 61.2 41.0 +20.2"
    assert len(pairs) == 2 * 3
    diagnostics, *_, last = (" ".join(line.split()) for line in lines[-6:])
    assert diagnostics == "1 CAMs validation list 2.30 0.50 - 0.460 0.100"
    assert last == "1 0.800 0.400 0.100"


def test_command_prints_the_table_and_the_report(
    run: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    summarise(**run)
    assert main([run["output"]]) == 0
    assert capsys.readouterr().out.endswith(f"\nreport: {run['report']}\n")


@pytest.mark.parametrize(
    ("text", "status"), [("{}", 1), (json.dumps({"format": "conta-summary"}), 1), (None, 1)]
)
def test_command_refuses_another_file(
    tmp_path: Path, text: str | None, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "summary.json"
    if text is not None:
        path.write_text(text)
    assert main([str(path)]) == status
    assert "summary.json: not a summary" in capsys.readouterr().err
    assert main([]) == 2


def test_stages_start_without_torch() -> None:
    modules = ["evaluate_cams", "evaluate_crf", "evaluate_segmentation", "make_irn_labels"]
    modules += ["evaluate_refined", "evaluate_pseudo_masks", "make_pseudo_masks", "summarise"]
    code = "import sys, " + ", ".join(f"conta_core.stages.{m}" for m in modules)
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_scored_stage_has_a_name() -> None:
    assert set(SPLITS) == set(SCORED)
