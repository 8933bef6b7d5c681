"""Write envs/conta.yaml: what the library needs, pinned as in constraints.txt.

Snakemake copies an environment's file to another folder before it creates the environment, so
the file must name everything itself. It does not hold the library: the workflow's scripts reach it
beside the Snakefile.

    python envs/pin.py
"""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
HEAD = """\
# Made by `python envs/pin.py` from pyproject.toml and constraints.txt: change those.
# The library is not in here: the scripts find it beside the Snakefile.
name: conta
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - gxx
  - pip:
"""


def pinned() -> dict[str, str]:
    """Name -> line of constraints.txt."""
    lines = (HERE / "constraints.txt").read_text().splitlines()
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(re.split(r"[=<>!~;\[ ]", line)[0]): line for line in found}


def needed(package: str = "conta") -> set[str]:
    """Every package that a package needs here, itself left out, from what is installed."""
    names: set[str] = set()
    waiting = [(package, frozenset[str]())]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        names.add(canonicalize_name(name))
        for text in requires(name) or ():
            requirement = Requirement(text)
            marker = requirement.marker
            asked = [{"extra": extra} for extra in (*extras, "")]
            if marker is None or any(marker.evaluate(values) for values in asked):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return names - {canonicalize_name(package)}


def environment() -> str:
    """The content of conta.yaml.

    Raises:
        KeyError: constraints.txt does not pin what is needed.
    """
    # of every environment, and not pinned by what it is made with
    lines = {"pip": "pip", "setuptools": "setuptools"} | pinned()
    return HEAD + "".join(f"      - {lines[name]}\n" for name in sorted(needed()))


if __name__ == "__main__":
    (HERE / "conta.yaml").write_text(environment())
