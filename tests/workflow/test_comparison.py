"""A comparison end to end: shared rounds 0, the same bytes, what is stale, comparison.json."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from stale_work import (
    BUILD_CONFOUNDERS,
    DECONFOUND,
    SUMMARISE,
    TRAIN_CAM,
    jobs,
    statement_in,
)
from tiny_runs import REPOSITORY, Work, Workflow, dry_run, edited, job_counts, reduced

from conta_core.settings.load import load_experiments
from conta_core.tools.diff.comparison import ScoreComparison
from conta_core.tools.diff.runs import compare_runs
from conta_core.tools.exporting.run_files import find_round
from conta_core.tools.status import read_status
from conta_core.tools.status.run_status import State

CONTROLS, CONTAS = (tuple(f"{arm}-c90-s{s}" for s in (0, 1)) for arm in ("control", "conta"))
COMPARE = {Work("compare", "tiny", None)}


def read(workflow: Workflow, path: str) -> dict[str, Any]:
    return dict(json.loads((workflow.directory / "results" / path).read_text()))


@pytest.mark.slow
def test_round_0_is_the_controls(compared: Workflow) -> None:
    for control, conta in zip(CONTROLS, CONTAS, strict=True):
        folder = compared.directory / "results" / conta
        assert {path.name for path in (folder / "round-0").iterdir()} == {"context"}
        assert not (folder / "context_shapes").exists()
        assert read(compared, f"{conta}/start.json")["start_from"] == control
        summary = read(compared, f"{conta}/summary.json")
        assert (summary["run"], summary["start_from"]) == (conta, control)
        page = (folder / "report.html").read_text()
        assert f"benchmarks/{{rule}}/{control}" in page
        assert "not there, or cannot be read" not in page


@pytest.mark.slow
def test_the_same_bytes_as_with_a_round_0_of_its_own(
    compared: Workflow, finished: Workflow
) -> None:
    """Which ``conta`` among the finished runs has; it goes on for a round more."""
    one = compared.directory / "results" / "conta-c90-s0"
    two = finished.directory / "results" / "conta"
    for name in ("cam", "irn", "segmentation"):
        file = f"round-1/{name}/model.safetensors"
        assert (one / file).read_bytes() == (two / file).read_bytes(), name
    masks = [{p.name: p.read_bytes() for p in (r / "round-1/pseudo_masks").iterdir() if p.suffix}
             for r in (one, two)]  # fmt: skip
    assert masks[0] == masks[1]
    found = compare_runs(one, two)
    assert not found.only_a
    more = {"round-2", "round-1/context/confounders.h5", "round-1/context/context.h5"}
    assert set(found.only_b) == more
    assert {"round-0/cam/cams.h5", "round-0/context/context.h5"} <= found.files.keys()
    for name, file in found.files.items():
        if isinstance(file, ScoreComparison):  # they name the folder of the made data set
            assert all(row.miou.a == row.miou.b for row in file.rows), name
        else:
            assert file if isinstance(file, bool) else file.equal, name


@pytest.mark.slow
def test_readers_find_round_0(compared: Workflow) -> None:
    results = compared.directory / "results"
    experiment = load_experiments(compared.config)["conta-c90-s0"]
    for given in (experiment, None):
        found = read_status(compared.directory, "conta-c90-s0", given)
        assert found.count(State.DONE) == found.needed
        assert (found.start_from, found.rounds) == ("control-c90-s0", 2)
    files = find_round(results / "conta-c90-s0", 0)
    assert files.pseudo_masks == results / "control-c90-s0" / "round-0" / "pseudo_masks"


@pytest.mark.slow
def test_comparison_json(compared: Workflow) -> None:
    content = read(compared, "tiny/comparison.json")
    assert [run["run"] for run in content["runs"]] == [
        "control-c90-s0",
        "conta-c90-s0",
        "control-c90-s1",
        "conta-c90-s1",
    ]
    summaries = {run: read(compared, f"{run}/summary.json") for run in (*CONTROLS, *CONTAS)}

    def values(runs: tuple[str, ...], *place: Any) -> list[float]:
        rows = [row for run in runs for row in summaries[run]["scores"]]
        return [r["miou"] for r in rows if (r["round"], r["stage"], r["split"]) == place]

    assert len(content["scores"]) == 2 * 2 * 7
    for row in content["scores"]:
        place = (row["round"], row["stage"], row["split"])
        control, conta = values(CONTROLS, *place), values(CONTAS, *place)
        assert len(control) == len(conta) == row["count"] == 2
        mean = statistics.mean(control if row["arm"] == "control" else conta)
        assert row["mean"] == pytest.approx(mean, abs=1e-5)
        if row["arm"] == "conta":
            by = [b - a for a, b in zip(control, conta, strict=True)]
            half = 12.7062047 * statistics.stdev(by) / 2**0.5
            assert row["difference"]["mean"] == pytest.approx(statistics.mean(by), abs=1e-5)
            assert row["difference"]["high"] == pytest.approx(statistics.mean(by) + half, abs=1e-4)
            assert row["difference"]["pairs"] == 2
            assert row["round"] > 0 or by == [0, 0]
    assert {row["measure"] for row in content["mechanism"]} >= {"far_own_context"}
    times = content["train_cam_seconds"]
    assert [(row["round"], row["arm"]) for row in times] == [(1, "control"), (1, "conta")]
    assert times[1]["ratio"]["count"] == 2
    text = (compared.directory / "results/tiny/comparison.md").read_text()
    assert "difference to control, 95 % t-intervals, 2 pairs" in text
    assert "<svg" in (compared.directory / "results/tiny/comparison.html").read_text()


def of_conta(first_round: set[str]) -> set[Work]:
    """Both contas again from something in their round 0 on, and the comparison."""
    plan = {0: first_round, 1: TRAIN_CAM, None: SUMMARISE}
    return COMPARE | {work for run in CONTAS for work in jobs(run, plan)}


#: a change of the config -> exactly what runs for the comparison
CHANGES: dict[str, tuple[dict[str, Any], set[Work]]] = {
    "nothing": ({}, set()),
    "cam, once for both arms": (
        {"cam": {"learning_rate": 0.02}},
        of_conta(BUILD_CONFOUNDERS)
        | {
            work
            for run in CONTROLS
            for work in jobs(run, {0: TRAIN_CAM, 1: TRAIN_CAM, None: SUMMARISE})
        },
    ),
    "an arm's own key": (
        {"comparison": {"arms": {"conta": {"context": {"steps": 6}}}}},
        of_conta(DECONFOUND),
    ),
    "another seed": (
        {"comparison": {"levels": [{"confounding": 0.9, "seeds": 3}]}},
        COMPARE
        | jobs("control-c90-s2", {None: {"make_context_shapes", "index_dataset", "summarise"}})
        | jobs("control-c90-s2", {0: TRAIN_CAM, 1: TRAIN_CAM})
        | jobs("conta-c90-s2", {None: {"note_base_run", "index_dataset", "summarise"}})
        | jobs("conta-c90-s2", {0: BUILD_CONFOUNDERS, 1: TRAIN_CAM}),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_change_makes_stale(compared: Workflow, change: str) -> None:
    changes, expected = CHANGES[change]
    assert compared.stale("evidence", changes=changes) == expected


@pytest.mark.slow
def test_edit_of_what_writes_the_note(compared: Workflow) -> None:
    """No stage depends on it: summaries and the comparison alone."""
    place = compared.code / "conta_core" / "workflow" / "base_run.py"
    with edited(place, statement_in("write_start")):
        found = compared.stale("evidence")
    noted = {Work("note_base_run", run, None) for run in CONTAS}
    summaries = {Work("summarise", run, None) for run in CONTAS}
    assert found == COMPARE | noted | summaries


# The plan alone.


#: what stands on top of the evidence -> its pairs, and of each kind of arm, control's among them,
#: how many there are and how many rounds after round 0 they have together; "inside" is conta whose
#: classifier makes M itself
RECIPES: dict[str | None, tuple[int, dict[str, tuple[int, int]]]] = {
    None: (11, {"none": (1, 2), "conta": (1, 2), "intervention": (1, 2)}),
    "variants": (
        3,
        {"none": (1, 2), "conta": (10, 11), "inside": (2, 2), "intervention": (10, 11)},
    ),
    "ablation_rounds": (3, {"none": (1, 4), "conta": (1, 4), "intervention": (1, 4)}),
    "ablation_blocks": (3, {"none": (1, 2), "conta": (5, 5)}),
    "ablation_confounders": (3, {"none": (1, 2), "conta": (2, 2)}),
    "ablation_weights": (3, {"none": (2, 2), "conta": (2, 2)}),
    "ablation_shape": (3, {"none": (1, 2), "conta": (2, 2)}),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_plan_of_a_recipe(tmp_path: Path, recipe: str | None) -> None:
    """Round 0 once a level and seed, everything else once a run."""
    names = ["evidence", *([f"evidence/{recipe}"] if recipe else [])]
    files = [str(REPOSITORY / "configs" / f"{name}.yaml") for name in names]
    counts = job_counts(dry_run(tmp_path, "evidence", "--configfile", *files))
    pairs, arms = RECIPES[recipe]
    runs, later = (pairs * sum(column) for column in zip(*arms.values(), strict=True))
    once = {"make_context_shapes": pairs, "note_base_run": runs - pairs, "index_dataset": runs}
    rounds = {"train_cam": pairs + later, "deconfound": pairs * arms["conta"][1]}
    expected = Counter({**once, **rounds, "summarise": runs, "compare": 1})
    assert {rule: counts[rule] for rule in expected} == expected


def test_plan_of_the_full_size_pair(tmp_path: Path) -> None:
    """The defaults, but for the arm."""
    recipe = REPOSITORY / "configs" / "evidence" / "full_size.yaml"
    assert set(yaml.safe_load(recipe.read_text())) == {"comparison", "rounds"}
    counts = job_counts(dry_run(tmp_path, "evidence", "--configfile", str(recipe)))
    assert (counts["train_cam"], counts["deconfound"]) == (1 + 2 * 2, 0)
    assert (counts["summarise"], counts["note_base_run"], counts["compare"]) == (2, 1, 1)


def test_plan_of_the_larger_one(tmp_path: Path) -> None:
    """The three arms, rounds 0 and 1."""
    recipe = REPOSITORY / "configs" / "evidence" / "large.yaml"
    counts = job_counts(dry_run(tmp_path, "evidence", "--configfile", str(recipe)))
    assert (counts["train_cam"], counts["deconfound"]) == (3 * (1 + 3), 3)
    assert (counts["summarise"], counts["note_base_run"], counts["compare"]) == (9, 6, 1)


def test_plan_of_the_photographs(tmp_path: Path) -> None:
    """Beside an excerpt: one level, no confounding that could be set."""
    recipe = REPOSITORY / "configs" / "evidence" / "photographs.yaml"
    root = tmp_path / yaml.safe_load(recipe.read_text())["dataset"]["root"]
    root.mkdir(parents=True)
    (root / "tags.csv").write_text("image,tags\n")
    output = dry_run(tmp_path, "evidence", "--configfile", str(recipe))
    counts = job_counts(output)
    assert (counts["train_cam"], counts["deconfound"]) == (3 * (1 + 3 * 2), 3 * 2)
    assert (counts["index_dataset"], counts["note_base_run"], counts["compare"]) == (9, 6, 1)


def test_without_a_comparison(tmp_path: Path) -> None:
    done = Workflow(REPOSITORY, tmp_path, reduced()).start("-n", "evidence")
    assert done.returncode != 0
    assert "config: comparison is null; name arms, levels and seeds" in done.stdout
