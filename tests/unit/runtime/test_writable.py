from __future__ import annotations

import os
from pathlib import Path

import pytest

from conta_core.errors import ContaError
from conta_core.runtime.writable import require_writable


def test_what_is_not_there_is_made_in_what_is(tmp_path: Path) -> None:
    require_writable([tmp_path / "results" / "conta", tmp_path])
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("forbidden", ["results", "results/conta", "results/conta/round-0/cam"])
def test_a_folder_anywhere_below_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: str
) -> None:
    (tmp_path / "results" / "conta" / "round-0" / "cam").mkdir(parents=True)
    refused = tmp_path / forbidden
    access = os.access  # as root permissions do not count, a read-only mount does
    monkeypatch.setattr(
        os, "access", lambda path, mode: str(path) != str(refused) and access(path, mode)
    )
    with pytest.raises(ContaError, match="cannot be written to") as raised:
        require_writable([tmp_path / "results"])
    assert str(refused) in str(raised.value)
