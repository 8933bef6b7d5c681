from __future__ import annotations

from pathlib import Path

import pytest
from painted_set import paint

from conta_core.data.manifest import Manifest


@pytest.fixture
def recombined_set(tmp_path: Path) -> tuple[Manifest, Path]:
    """The manifest, and a folder with the true mask of every image."""
    return paint(tmp_path), tmp_path
