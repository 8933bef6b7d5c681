"""`conta inspect` as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
from click.testing import Result
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.tools.cli.app import app


def inspect(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


def shown(*arguments: object) -> str:
    result = inspect(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def as_json(*arguments: object) -> dict[str, Any]:
    return json.loads(shown(*arguments, "--json"))


def refused(*arguments: object) -> str:
    result = inspect(*arguments)
    assert isinstance(result.exception, ContaError), (result.output, result.exception)
    return str(result.exception)


def listed(*arguments: object) -> list[str]:
    return [line.split()[0] for line in shown(*arguments).splitlines()]


def edit(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path
