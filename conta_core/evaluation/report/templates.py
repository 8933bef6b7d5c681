"""The templates of the pages, in jinja2's language: the one place that loads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from conta_core.evaluation.report.pieces import Section

#: every file of the folder ``templates``; no other is loaded. Their text is code of the pages
TEMPLATES = (
    "classes.html",
    "comparison.html",
    "comparison_part.html",
    "comparison_plots.html",
    "confounders.html",
    "confounding.html",
    "data_set.html",
    "page.css",
    "page.html",
    "page.js",
    "pictures.html",
    "pieces.html",
    "reliance.html",
    "report.html",
    "scores.html",
    "section.html",
    "settings.html",
    "sources.html",
    "times.html",
)
FOLDER = Path(__file__).with_name("templates")


def template(name: str) -> Template:
    """One of :data:`TEMPLATES`; it escapes every value, and refuses one that it was not given."""
    return _environment().get_template(name)


def render(name: str, **values: Any) -> str:
    """A template with its values, as html."""
    return template(name).render(values)


def render_section(section: Section) -> Markup:
    """A section of a page, as html."""
    body = Markup(render(section.template, **section.values))
    return Markup(render("section.html", section=section, body=body))


@cache
def _environment() -> Environment:
    texts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in TEMPLATES}
    environment = Environment(
        loader=DictLoader(texts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # style sheets and scripts stand in the page as they are
    environment.globals["source"] = lambda name: Markup(texts[name])
    environment.globals["render_section"] = render_section
    return environment
