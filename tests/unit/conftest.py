from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scored_run import write_run


@pytest.fixture
def run(tmp_path: Path) -> dict[str, Any]:
    """The arguments of `summarise` for a run of two rounds, all files written."""
    return write_run(tmp_path)
