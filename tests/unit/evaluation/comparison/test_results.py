"""All numbers of a made-up comparison against naive ones, and the files of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from html_page import Page
from made_comparison import CLASSES, LEVELS, PLACES, make_members, make_summaries, make_summary

from conta_core.errors import ContaError
from conta_core.evaluation.comparison.measures import Measure, read_measures
from conta_core.evaluation.comparison.results import as_content, gather_results
from conta_core.evaluation.comparison.tables import all_sections
from conta_core.evaluation.report.pieces import Table
from conta_core.stages.compare import compare
from conta_core.storage.json_files import write_json

#: two-sided 95 %: degrees of freedom -> t
T = {2: 4.302653, 3: 3.182446}


@pytest.fixture
def content() -> dict[str, Any]:
    design = make_members()
    return as_content(gather_results(design, make_summaries(design), {}))


def find(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    (row,) = [row for row in rows if all(row.get(k) == v for k, v in wanted.items())]
    return row


def mious(level: float, arm: str, index: int, stage: str, split: str) -> list[float]:
    """One a seed, from the summaries themselves."""
    return [
        row["miou"]
        for m in make_members().members
        if (m.confounding, m.arm) == (level, arm)
        for row in make_summary(m)["scores"]
        if (row["round"], row["stage"], row["split"]) == (index, stage, split)
    ]


@pytest.mark.parametrize(("stage", "split"), PLACES)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_scores(content: dict[str, Any], stage: str, split: str, index: int) -> None:
    best = np.mean(mious(0.0, "control", index, stage, split))
    for level, (seeds, arms) in LEVELS.items():
        control = np.array(mious(level, "control", index, stage, split))
        for arm in arms:
            place = {"stage": stage, "split": split, "arm": arm, "confounding": level}
            row = find(content["scores"], round=index, **place)
            values = np.array(mious(level, arm, index, stage, split))
            assert row["mean"] == pytest.approx(values.mean(), abs=1e-6)
            assert row["count"] == seeds == len(row["values"])
            if seeds > 1:
                error = values.std(ddof=1) / np.sqrt(seeds)
                assert row["standard_error"] == pytest.approx(error, abs=1e-6)
            else:
                assert row["standard_error"] is None
            damage = best - control.mean()
            assert row["damage"] == (None if level == 0 else pytest.approx(damage, abs=1e-6))
            if arm == "control":
                assert row["difference"] is row["undone"] is None
                continue
            by = values - control
            found = row["difference"]
            assert found["mean"] == pytest.approx(by.mean(), abs=1e-6)
            assert found["pairs"] == seeds
            if seeds == 1:
                assert found["low"] is found["high"] is found["excludes_zero"] is None
            else:
                half = T[seeds - 1] * by.std(ddof=1) / np.sqrt(seeds)
                assert found["low"] == pytest.approx(by.mean() - half, abs=1e-4)
                assert found["high"] == pytest.approx(by.mean() + half, abs=1e-4)
                assert found["excludes_zero"] == (abs(by.mean()) > half)
            undone = None if level == 0 else pytest.approx(by.mean() / damage, abs=1e-5)
            assert row["undone"] == undone


def test_round_0_is_shared(content: dict[str, Any]) -> None:
    rows = [r for r in content["scores"] if r["round"] == 0 and r["difference"]]
    assert rows
    assert all(row["difference"]["mean"] == 0 for row in rows)


def test_classes_and_mechanism(content: dict[str, Any]) -> None:
    place = {"confounding": 0.9, "round": 2, "stage": "cam", "split": "val", "arm": "conta"}
    miou = find(content["scores"], **place)
    cat = find(content["class_scores"], **place, **{"class": "cat"})
    assert cat["mean"] == pytest.approx(miou["mean"] + 1, abs=1e-5)
    assert cat["difference"]["mean"] == pytest.approx(miou["difference"]["mean"], abs=1e-5)
    # no seed has a number of this class
    assert "d|g" not in {row["class"] for row in content["class_scores"]}
    far = find(content["mechanism"], **place, measure="far_own_context")
    assert far["mean"] == pytest.approx(miou["mean"] / 10, abs=1e-5)
    # lower is better, and these were made to fall with the confounding: no damage to undo
    assert far["damage"] > 0
    assert far["undone"] is None
    swap = find(content["mechanism"], **place, measure="swap_difference")
    assert swap["mean"] == pytest.approx(miou["mean"] / 100 - 0.125, abs=1e-6)
    names = {row["measure"] for row in content["mechanism"] if row["stage"] == "segmentation"}
    assert names == {
        "far_own_context",
        "far_other_contexts",
        "false_positives_on_own_context",
    }


def test_companions_and_reliance(content: dict[str, Any]) -> None:
    place = {"confounding": 0.9, "round": 2, "stage": "cam", "arm": "conta"}
    miou = find(content["scores"], **place, split="val")
    pair = find(content["on_companions"], **place, split="val", **{"class": "cat"})
    assert pair["companion"] == "d|g"
    assert pair["mean"] == pytest.approx(miou["mean"] / 5, abs=1e-5)
    assert pair["difference"]["mean"] == pytest.approx(miou["difference"]["mean"] / 5, abs=1e-5)
    # less is better, and these were made to fall with the confounding
    assert pair["damage"] > 0
    assert pair["undone"] is None
    after = find(content["reliance"], **place, measure="reliance_after")
    assert (after["mean"], after["damage"], after["split"]) == (0.25, 0.0, "train")


def test_errors_and_pairs(content: dict[str, Any]) -> None:
    place = {"confounding": 0.9, "round": 2, "stage": "segmentation", "split": "val"}
    miou = find(content["scores"], **place, arm="conta")
    fpr = find(content["errors"], **place, arm="conta", measure="fpr")
    assert fpr["mean"] == pytest.approx(90 - miou["mean"], abs=1e-5)
    # less is better: the confounding added to it, and the arm undoes as much as of the mIoU
    assert fpr["damage"] == pytest.approx(-miou["damage"], abs=1e-5)
    assert fpr["undone"] == pytest.approx(miou["undone"], abs=1e-5)
    assert find(content["errors"], **place, arm="conta", measure="fnr")["mean"] == 10.0
    ratio = find(content["errors"], **place, arm="conta", measure="confusion_ratio")
    assert ratio["mean"] == pytest.approx(miou["mean"] / 50, abs=1e-5)
    # no seed has a ratio of the others, and the CRF's scores have no errors at all
    ratios = [row for row in content["errors"] if row["measure"] == "confusion_ratio"]
    assert {row["stage"] for row in ratios} == {"segmentation"}
    assert "segmentation_crf" not in {row["stage"] for row in content["errors"]}

    gap = find(content["pairs"], **place, arm="conta", measure="pairs_gap")
    assert gap["mean"] == pytest.approx(miou["mean"] / 2 + 2, abs=1e-5)
    there = find(content["pairs"], **place, arm="conta", measure="pairs_with_companion")
    assert there["mean"] == pytest.approx(miou["mean"] + 2, abs=1e-5)
    assert there["difference"]["mean"] == pytest.approx(miou["difference"]["mean"], abs=1e-5)
    # at another confounding other classes are pairs
    assert {row["damage"] for row in content["pairs"]} == {None}
    assert {row["undone"] for row in content["pairs"]} == {None}


def test_tables_of_errors_and_pairs() -> None:
    design = make_members({0.9: (2, ("control", "conta"))})
    results = gather_results(design, make_summaries(design), {})
    sections = {section.title: section.parts for section in all_sections(results)}
    (table,) = sections["Round 2: FPR, FNR and confusion ratio"]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == [
        "score and error",
        "CAMs, val: FPR",
        "CAMs, val: FNR",
        "pseudo-masks, train: FPR",
        "pseudo-masks, train: FNR",
        "segmentation model, val: FPR",
        "segmentation model, val: FNR",
        "segmentation model, val: FP / TP",
    ]
    assert table.rows[2][1:] == ["10.0 ± 0.0", "+0.0 [+0.0, +0.0]"]
    place = Measure(2, "segmentation", "val", "confusion_ratio")
    mean = results.arms[0.9, place, "control"].estimate.mean
    assert table.rows[7][1].startswith(f"{mean:.2f} ±")
    (table,) = sections["Round 2: classes with their companions and without"]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows[1:]] == [
        "segmentation model, val: with the companion",
        "segmentation model, val: without it",
        "segmentation model, val: gap",
    ]


def test_tables_by_class() -> None:
    """A row a class or pair: the first arm's mean, then the differences of the others."""
    design = make_members({0.9: (2, ("control", "conta"))})
    results = gather_results(design, make_summaries(design), {})
    sections = {section.title: section.parts for section in all_sections(results)}
    table, *_ = sections["Round 2: IoU by class"]
    assert isinstance(table, Table)
    assert table.caption.startswith("confounding 0.9: CAMs, val, IoU of; mean")
    assert table.rows[0] == ["class", "control", "conta less control"]
    assert table.rows[1] == ["background", "90.0 ± 0.0", "+0.0 [+0.0, +0.0]"]
    assert [row[0] for row in table.rows[1:]] == ["background", "cat"]
    place = Measure(2, "cam", "val", "iou", "cat")
    means = [results.arms[0.9, place, arm].estimate.mean for arm in ("control", "conta")]
    assert table.rows[2][1].startswith(f"{means[0]:.1f} ±")
    assert table.rows[2][2].startswith(f"{means[1] - means[0]:+.1f} [")
    (table,) = sections["Round 2: classes on their companions"]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["class and companion", "cat on d|g"]


def test_measures_without_null() -> None:
    found = read_measures(make_summary(make_members().members[0], rounds=1))
    assert None not in found.values()
    assert found[Measure(0, "cam", "val", "far_other_contexts")] == 1.5


def test_runs_of_fewer_rounds() -> None:
    """The last round is the last that all have."""
    design = make_members()
    summaries = make_summaries(design)
    run = design.members[1].run
    summaries[run] = make_summary(design.members[1], rounds=2)
    found = as_content(gather_results(design, summaries, {}))
    assert found["rounds"] == 2
    assert {row["round"] for row in found["scores"]} == {0, 1}


def test_what_does_not_belong_together() -> None:
    design = make_members()
    summaries = make_summaries(design)
    run = design.members[3].run
    for changes in ({"run": "other"}, {"classes": ["x"]}):
        wrong = {**summaries, run: make_summary(design.members[3], **changes)}
        with pytest.raises(ContaError, match=f"expected run {run} with .* delete it"):
            gather_results(design, wrong, {})


def test_times() -> None:
    design = make_members({0.9: (2, ("control", "conta"))})
    seconds = {
        "control-c90-s0": {0: 50.0, 1: 10.0, 2: 20.0},
        "conta-c90-s0": {1: 11.0, 2: 30.0},
        "control-c90-s1": {0: 50.0, 1: 20.0},
        "conta-c90-s1": {1: 26.0, 2: 8.0},
    }
    found = as_content(gather_results(design, make_summaries(design), seconds))
    rows = {(row["round"], row["arm"]): row for row in found["train_cam_seconds"]}
    assert set(rows) == {(1, "control"), (1, "conta"), (2, "control"), (2, "conta")}
    assert rows[1, "conta"]["mean"] == 18.5
    assert rows[1, "conta"]["ratio"]["mean"] == pytest.approx(1.2)
    assert rows[2, "conta"]["ratio"] == {"mean": 1.5, "standard_error": None, "count": 1}
    assert rows[1, "control"]["ratio"] is None


def test_one_level_has_no_damage() -> None:
    design = make_members({0.9: (2, ("control", "conta"))})
    found = as_content(gather_results(design, make_summaries(design), {}))
    assert {row["damage"] for row in found["scores"]} == {None}
    sections = all_sections(gather_results(design, make_summaries(design), {}))
    captions = [part.caption for s in sections for part in s.parts if isinstance(part, Table)]
    assert not any("damage" in caption for caption in captions)


def written(folder: Path, rounds: int = 3) -> dict[str, Path]:
    design = make_members()
    paths = []
    for member in design.members:
        path = folder / f"{member.run}.json"
        write_json(path, make_summary(member, rounds))
        paths.append(str(path))
    names = {"output": "comparison.json", "table": "comparison.md", "page": "comparison.html"}
    files = {key: folder / "out" / name for key, name in names.items()}
    (folder / "out").mkdir(exist_ok=True)
    compare(
        design=design,
        summaries=paths,
        benchmarks=str(folder / "benchmarks"),
        **{key: str(path) for key, path in files.items()},
    )
    return files


def test_files(tmp_path: Path) -> None:
    files = written(tmp_path)
    content = json.loads(files["output"].read_text())
    assert (content["name"], content["first_arm"], content["rounds"]) == ("made", "control", 3)
    assert content["classes"] == CLASSES
    text = files["table"].read_text()
    titles = re.findall(r"^## (.*)$", text, re.M)
    assert titles == [
        "Round 2, the last: mIoU",
        "Round 2: FPR, FNR and confusion ratio",
        "Round 2: IoU by class",
        "Round 2: classes with their companions and without",
        "Round 2: classes on their companions",
        "Round 2: confounding",
        "Round 2: context reliance",
        "Round 1: mIoU",
        "Round 0, shared by all arms: mIoU",
        "Arms",
    ]
    place = {"confounding": 0.9, "stage": "cam", "split": "train", "round": 2}
    row = find(content["scores"], **place, arm="conta")
    by = row["difference"]
    mark = " *" if by["excludes_zero"] else ""
    cell = f"| {by['mean']:+.1f} [{by['low']:+.1f}, {by['high']:+.1f}]{mark} |"
    assert cell in text
    assert f"{row['mean']:.1f} ± {row['standard_error']:.1f}" in text
    assert "one pair, so no interval" in text
    assert f"{100 * row['undone']:.0f} %" in text
    assert '| control | context.method: "none" |' in text
    # every row of a table has as many cells as its heading
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    html = files["page"].read_text()
    page = Page(html)
    assert not page.open
    assert len(page.tags("svg")) == 3 + 2 * 3
    assert "default-src 'none'" in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    words = " ".join(page.words)
    assert "Comparison made: set" in words
    assert "confounding 0.9: share of the damage that an arm undoes" in words


def test_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in written(tmp_path).values()]
    assert [path.read_bytes() for path in written(tmp_path).values()] == first


def test_one_round_is_all_shared(tmp_path: Path) -> None:
    files = written(tmp_path, rounds=1)
    titles = re.findall(r"^## (.*)$", files["table"].read_text(), re.M)
    assert titles == ["Round 0, shared by all arms: mIoU", "Arms"]


def test_summary_that_is_missing(tmp_path: Path) -> None:
    files = written(tmp_path)
    for path in files.values():
        path.unlink()
    summaries = [str(tmp_path / f"{member.run}.json") for member in make_members().members]
    Path(summaries[2]).unlink()
    with pytest.raises(ContaError, match=r"third-c90-s0\.json: not a summary"):
        compare(
            design=make_members(),
            summaries=summaries,
            benchmarks="none",
            **{key: str(path) for key, path in files.items()},
        )
    assert not any(path.exists() for path in files.values())
