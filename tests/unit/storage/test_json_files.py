from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from conta_core.errors import ContaError
from conta_core.storage.json_files import read_format, write_json


class _Letters(TypedDict):
    format: str
    format_version: int
    values: list[str | float | None]


LETTERS = TypeAdapter(_Letters)
CONTENT = {"format": "letters", "format_version": 2, "values": ["a", "\u00e4", None, 1.5]}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.json"
    write_json(path, CONTENT)
    assert read_format(path, "letters", 2, LETTERS, what="letters", mend="none") == CONTENT
    assert "\u00e4" in path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "No such file"),
        ("", "Expecting value"),
        ("{}", "'format'"),
        ("[]", "indices"),
        ('{"format": "letters"}', "'format_version'"),
        ('{"format": "other", "format_version": 2}', "expected letters version 2"),
        ('{"format": "letters", "format_version": 1}', "expected letters version 2"),
        ('{"format": "letters", "format_version": 2}', "values: Field required"),
        ('{"format": "letters", "format_version": 2, "values": [[]]}', "values"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str | None, found: str) -> None:
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ContaError, match=rf"x\.json: not letters \(.*{found}.*\); write them"):
        read_format(path, "letters", 2, LETTERS, what="letters", mend="write them again")
