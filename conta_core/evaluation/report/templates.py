"""The templates of the pages, in jinja2's language: the one place that loads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from conta_core.evaluation.report.pieces import Section

#: their text is part of the code of the pages
PACKAGE_FILES = "templates"
FOLDER = Path(__file__).with_name(PACKAGE_FILES)


def template(name: str) -> Template:
    """A file of the folder; it escapes every value, and refuses one that it was not given."""
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
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"source": _source, "render_section": render_section}
    return environment


def _source(name: str) -> Markup:
    """A style sheet or a script as it is."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))
