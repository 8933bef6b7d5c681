import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conta_core.errors import ContaError
from conta_core.manifest import ImageRecord, Manifest
from conta_core.masks import write_label_png
from conta_core.report import shown_images
from conta_core.scoring.score_files import score_entry, write_scores
from conta_core.stages.summarise import summarise
from conta_core.stores import write_store
from conta_core.summary import STAGES, main, read_summary, render_table

CLASSES = ("cat", "<dog>")
SIZE = (20, 24)
SPLITS = {
    "cam": ("train", "val"),
    "refined": ("train",),
    "pseudo_masks": ("train",),
    "segmentation": ("train", "val"),
    "segmentation_crf": ("val",),
}
CONFOUNDING = {
    "images": 2,
    "far_false_positives": {"own_context": 2.3, "other_contexts": 0.5},
    "false_positives_on_own_context": None,
    "swap_test": {
        "context_present": 0.46,
        "context_absent": 0.1,
        "cases_present": 3,
        "cases_absent": 4,
    },
}


@pytest.fixture
def run(tmp_path: Path) -> dict[str, Any]:
    """The arguments of `summarise` for a run of two rounds, all files written."""
    rng = np.random.default_rng(0)
    records = {}
    for i, tags in enumerate([("cat",), (), ("cat", "<dog>")]):
        image, mask = str(tmp_path / f"i{i}.png"), str(tmp_path / f"m{i}.png")
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(image)
        write_label_png(mask, np.full(SIZE, i))
        records[f"i{i}"] = ImageRecord(f"i{i}", image, *SIZE, tags, mask)
    manifest = Manifest(
        "set",
        CLASSES,
        {"train": ("i0", "i1", "i2"), "val": ("i0",)},
        {"train": "train_aug", "val": "val"},
        records,
        "masks & co",
        {0: 0, 1: 1, 2: 2},
    )
    manifest.save(tmp_path / "dataset.json")
    return {
        "manifest": str(tmp_path / "dataset.json"),
        "rounds": [write_round(tmp_path, manifest, index) for index in range(2)],
        "output": str(tmp_path / "out" / "summary.json"),
        "report": str(tmp_path / "out" / "report.html"),
        "run": "r",
    }


def write_round(root: Path, manifest: Manifest, index: int) -> dict[str, Any]:
    folder = root / f"round-{index}"
    kinds = ("cams", "refined", "train_masks", "logits", "context")
    paths: dict[str, Any] = {kind: str(folder / f"{kind}.h5") for kind in kinds}
    rng = np.random.default_rng(index)
    about = {"classes": CLASSES, "run": "r", "round_index": index, "settings": {}}
    ids = manifest.ids("train")
    with (
        write_store(paths["cams"], "cams", **about) as cams,
        write_store(paths["refined"], "refined", **about) as refined,
        write_store(paths["train_masks"], "train_masks", **about) as train_masks,
        write_store(paths["context"], "context", **about) as context,
    ):
        context.write_root({"mean": np.zeros((4, 4)), "deviation": np.array(1.0)})
        for i in ids:
            keys = manifest.tag_indices(i)
            low = rng.random((len(keys), 5, 6)).astype(np.float32)
            high = rng.random((len(keys), *SIZE)).astype(np.float16)
            probability = np.zeros(2, np.float32)
            arrays = {"keys": keys, "cam": low, "high_res": high, "probability": probability}
            cams.write(i, arrays, SIZE)
            refined.write(i, {"keys": keys, "refined": low}, SIZE)
            train_masks.write(i, {"mask": rng.integers(0, 3, SIZE, dtype=np.uint8)}, SIZE)
            arrays = {"mask": rng.random((4, 4)).astype(np.float32), "alpha": np.ones(2) / 2}
            context.write(i, arrays, SIZE)
    if index == 1:
        paths["context"] = None
    paths["pseudo_masks"] = str(folder / "pseudo_masks")
    Path(paths["pseudo_masks"]).mkdir()
    for i in ids:
        write_label_png(folder / "pseudo_masks" / f"{i}.png", np.full(SIZE, 255))
    paths["scores"] = {}
    for stage, splits in SPLITS.items():
        paths["scores"][stage] = str(folder / f"{stage}.json")
        matrix = np.eye(3, 4, dtype=np.int64) * (10 + index) + 1
        threshold = {"value": 0.35, "chosen": "best of all"} if stage == "cam" else None
        entries = {
            split: score_entry(
                matrix, manifest=manifest, list_name=split, images=2, threshold=threshold
            )
            for split in splits
        }
        write_scores(
            paths["scores"][stage],
            run="r",
            round_index=index,
            stage=stage,
            lists=entries,
            confounding={"val": CONFOUNDING} if stage == "cam" else None,
        )
    return paths


class Page(HTMLParser):
    """Collects the tags of a page and checks that they nest."""

    VOID = ("meta", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


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


def test_report_is_one_page_that_loads_nothing(run: dict[str, Any]) -> None:
    summarise(**run)
    text = Path(run["report"]).read_text()
    page = Page(text)
    assert page.open == []
    words = " ".join(page.words)
    for tag, attributes in page.found:
        assert tag not in ("script", "link", "iframe")
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:image/", "#"))
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    pictures = [attributes for tag, attributes in page.found if tag == "img"]
    # two tagged images: photograph and truth once, four pictures a round, M in round 0
    assert len(pictures) == 2 * (2 + 2 * 4 + 1)
    assert all(attributes["alt"] for attributes in pictures)
    assert "M for round 1" in words
    assert "<dog>" in words  # escaped in the file
    assert "masks & co" in words
    assert "threshold by round 0.35, 0.35 (best of all)" in words
    plots = [attributes for tag, attributes in page.found if tag == "svg"]
    assert len(plots) == 4
    assert all(attributes["aria-label"] for attributes in plots)


def test_report_is_the_same_again(run: dict[str, Any]) -> None:
    summarise(**run)
    first = Path(run["report"]).read_bytes()
    summarise(**run)
    assert Path(run["report"]).read_bytes() == first


def test_scores_of_another_round_are_refused(run: dict[str, Any]) -> None:
    run["rounds"][1]["scores"]["cam"] = run["rounds"][0]["scores"]["cam"]
    with pytest.raises(ContaError, match=r"\('r', 0, 'cam'\), expected \('r', 1, 'cam'\)"):
        summarise(**run)
    assert not Path(run["output"]).exists()


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
    last = " ".join(lines[-1].split())
    assert last == "1 CAMs validation list 2.30 0.50 - 0.460 0.100"


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


def test_pictures_are_evenly_spaced_over_tagged_images() -> None:
    records = {
        f"i{i}": ImageRecord(f"i{i}", "", 1, 1, ("cat",) if i % 2 else ()) for i in range(40)
    }
    lists = {"train": tuple(records), "val": ()}
    manifest = Manifest("set", ("cat",), lists, {"train": "t", "val": "v"}, records)
    assert shown_images(manifest) == ["i1", "i9", "i17", "i23", "i31", "i39"]


def test_stages_start_without_torch() -> None:
    modules = ["evaluate_cams", "evaluate_crf", "evaluate_segmentation", "make_irn_labels"]
    modules += ["evaluate_refined", "evaluate_pseudo_masks", "make_pseudo_masks", "summarise"]
    code = "import sys, " + ", ".join(f"conta_core.stages.{m}" for m in modules)
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_scored_stage_has_a_name() -> None:
    assert set(SPLITS) == set(STAGES)
