from __future__ import annotations

from typing import Any

import pytest
from html_page import Page

from conta_core.data.manifest import Manifest
from conta_core.evaluation.report import confounder_sets
from conta_core.evaluation.report.confounder_sets import confounders_section
from conta_core.evaluation.report.templates import render_section


def test_grids_are_labelled(run: dict[str, Any]) -> None:
    page = Page(render_section(confounders_section(Manifest.load(run["manifest"]), run["rounds"])))
    words = " ".join(page.words)
    assert "Round 0" in words
    assert "Round 1" not in words
    assert "cat: P 0.250, 2 images" in words
    assert "<dog>: P 0.750, 1 images" in words
    texts = [str(one["alt"]) for one in page.tags("img")]
    assert texts[0].startswith("scale of the colours, dark: 0, bright: ")
    assert texts[1].startswith("average mask of cat, round 0, area ")


def test_many_sets_are_opened_one_by_one(
    run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest.load(run["manifest"])
    rounds = [run["rounds"][0]] * 3
    assert "<details>" not in render_section(confounders_section(manifest, rounds))
    monkeypatch.setattr(confounder_sets, "OPEN", 5)
    page = Page(render_section(confounders_section(manifest, rounds)))
    assert len(page.tags("details")) == 2
    assert len(page.tags("h3")) == 1
