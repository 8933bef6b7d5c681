from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from html_page import Page

from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.stages.summarise import summarise

SECTIONS = (
    "scores",
    "classes",
    "pictures",
    "pairs",
    "confounding",
    "reliance",
    "confounders",
    "data-set",
    "settings",
    "times",
    "sources",
)


def test_report_is_one_page_that_loads_nothing(run: dict[str, Any]) -> None:
    summarise(**run)
    text = Path(run["report"]).read_text()
    page = Page(text)
    assert page.open == []
    for tag, attributes in page.found:
        assert tag not in ("iframe", "object", "embed")
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:", "#"))
    assert "@import" not in text
    assert "url(" not in text.split("</style>")[0]
    (policy,) = [m["content"] for m in page.tags("meta") if "http-equiv" in m]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "prefers-color-scheme: dark" in text
    words = " ".join(page.words)
    assert "<dog>" in words  # escaped in the file
    assert "masks & co" in words
    assert "threshold by round 0.35, 0.35 (best of all)" in words
    plots = [svg for svg in page.tags("svg") if svg.get("role") == "img"]
    assert len(plots) == 7
    assert all(attributes["aria-label"] for attributes in plots)


def test_sections_and_their_links(run: dict[str, Any]) -> None:
    summarise(**run)
    page = Page(Path(run["report"]).read_text())
    assert tuple(one["id"] for one in page.tags("section")) == SECTIONS
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [one["href"] for one in page.tags("a")]
    assert links[: len(SECTIONS)] == [f"#{name}" for name in SECTIONS]
    assert {link[1:] for link in links if link} <= set(ids)
    assert {one["aria-labelledby"] for one in page.tags("section")} <= set(ids)


def test_pictures(run: dict[str, Any]) -> None:
    summarise(**run)
    page = Page(Path(run["report"]).read_text())
    pictures = page.tags("img")
    # two tagged images: photograph and truth once, four pictures a round, M in round 0;
    # a scale and two classes of one confounder set
    assert len(pictures) == 2 * (2 + 2 * 4 + 1) + 1 + 2
    assert all(attributes["alt"] for attributes in pictures)
    words = " ".join(page.words)
    assert "M for round 1" in words
    # i0 has the truth 0, i2 the truth 2; the pseudo-masks are 1 everywhere, then 2
    assert "by round: 0.0, 0.0; 100.0 % of its pixels changed" in words
    assert "by round: 0.0, 100.0; 100.0 % of its pixels changed" in words
    # sets that were shown above are links
    assert page.tags("a")[-1]["href"] == "#image-i2"
    (slider,) = [one for one in page.tags("input") if one["type"] == "range"]
    assert (slider["max"], slider["data-rounds"]) == ("1", "0 1")
    assert "hidden" in page.tags("form")[0]  # a script shows it
    rows = [one["data-round"] for one in page.tags("div") if "data-round" in one]
    assert rows == ["0", "1"] * 2


def test_one_round_has_no_slider(run: dict[str, Any]) -> None:
    run["rounds"] = [{**run["rounds"][0], "context": None, "confounders": None}]
    summarise(**run)
    page = Page(Path(run["report"]).read_text())
    assert page.tags("input") == []
    words = " ".join(page.words)
    assert "One round: nothing to compare." in words
    assert "This run has none" in words


def test_without_ground_truth(run: dict[str, Any]) -> None:
    path = Path(run["manifest"])
    content = json.loads(path.read_text())
    content["ground_truth"] = None
    for record in content["images"].values():
        record["mask"] = None
    path.write_text(json.dumps(content))
    for paths in run["rounds"]:
        for file in paths["scores"].values():
            scores = json.loads(Path(file).read_text())
            scores.pop("confounding", None)
            for entry in scores["lists"].values():
                none = dict.fromkeys(entry["iou"])
                entry |= {"images": 0, "miou": None, "accuracy": None, "iou": none}
                entry |= {"fpr": none, "fnr": none, "confusion_ratio": none}
                for means in entry["means"].values():
                    means.update(dict.fromkeys(means))
                entry.pop("pairs", None)
                entry |= {"threshold": None, "ground_truth": None, "why": "the list has no masks"}
            Path(file).write_text(json.dumps(scores))
    summarise(**run)
    page = Page(Path(run["report"]).read_text())
    words = " ".join(page.words)
    assert "No image has a ground-truth mask, so that there are no scores" in words
    assert "none can be called best or worst" in words
    assert "the list has no masks" in words
    assert "100.0 % of its pixels changed" in words
    assert not any("ground truth" in str(one["alt"]) for one in page.tags("img"))
    sections = [one["id"] for one in page.tags("section")]
    assert sections == [
        name for name in SECTIONS if name not in ("classes", "pairs", "confounding")
    ]


def test_errors(run: dict[str, Any]) -> None:
    """Of each of three labels 11 pixels are right, 2 are predicted elsewhere, 3 are missed."""
    summarise(**run)
    words = " ".join(Page(Path(run["report"]).read_text()).words)
    assert "FPR / FNR, training list round CAMs refined CAMs" in words
    cells = "12.5 / 18.8"
    later = "11.8 / 17.6"
    assert f"0 {cells} {cells} {cells} {cells} 1 {later} {later}" in words
    assert "FPR and FNR in percent of the union, and FP / TP, round 1, validation list" in words
    assert f"cat {'11.8 17.6 0.17 ' * 3}<dog> 11.8" in words
    assert f"mean, no background {'11.8 17.6 0.17 ' * 3}" in words


def test_pairs(run: dict[str, Any]) -> None:
    summarise(**run)
    text = Path(run["report"]).read_text()
    words = " ".join(Page(text).words)
    assert "0 pseudo-masks training list 1 61.2 41.0 +20.2" in words
    assert "pseudo-masks, training list, round 1" in words
    assert "cat, <dog> 38 6 61.2 30.0 8.8 9 41.0 50.5 8.5 +20.2 -" in words
    assert 'aria-label="Biased pairs, validation list"' in text


def test_a_report_of_older_scores(run: dict[str, Any]) -> None:
    """Files of before the errors and pairs are read; the page leaves them out."""
    for paths in run["rounds"]:
        for file in paths["scores"].values():
            scores = json.loads(Path(file).read_text())
            for entry in scores["lists"].values():
                for name in ("fpr", "fnr", "confusion_ratio", "means", "pairs"):
                    entry.pop(name, None)
            Path(file).write_text(json.dumps(scores))
    summarise(**run)
    page = Page(Path(run["report"]).read_text())
    assert [one["id"] for one in page.tags("section")] == [s for s in SECTIONS if s != "pairs"]
    assert "FPR / FNR, " not in " ".join(page.words)


def test_reliance(run: dict[str, Any]) -> None:
    summarise(**run)
    words = " ".join(Page(Path(run["report"]).read_text()).words)
    assert "mean over classes, 3 training images" in words
    assert "cat 0.80, 0.30 (2) 0.80, 0.40 (2)" in words
    assert "<dog> -, - (0) -, - (0)" in words
    rounds = [{**paths, "reliance": None} for paths in run["rounds"]]
    summarise(**{**run, "rounds": rounds})
    page = Page(Path(run["report"]).read_text())
    assert "reliance" not in [one["id"] for one in page.tags("section")]


def test_report_is_the_same_again(run: dict[str, Any]) -> None:
    summarise(**run)
    first = Path(run["report"]).read_bytes()
    summarise(**run)
    assert Path(run["report"]).read_bytes() == first


def test_pseudo_mask_of_another_size(run: dict[str, Any]) -> None:
    write_label_png(f"{run['rounds'][1]['pseudo_masks']}/i2.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(ContaError, match=r"i2\.png: a prediction of \(3, 4\) for a truth"):
        summarise(**run)
    assert not Path(run["report"]).exists()


def test_sources_name_the_file_of_each_score(run: dict[str, Any]) -> None:
    summarise(**run)
    words = Page(Path(run["report"]).read_text()).words
    for paths in run["rounds"]:
        for stage, path in paths["scores"].items():
            lists = json.loads(Path(path).read_text())["lists"]
            assert words.count(path) == len(lists), stage
    assert run["manifest"] in words
