"""What kept work belongs to, so that no later job goes on with another's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conta_core.workflow.fingerprint import fingerprint_of

ROOT = Path(__file__).parents[2]


def resume_key(stage: Callable[..., None], inputs: Sequence[str | None], **settings: Any) -> str:
    """Digest of settings, input files and the code of a stage.

    Args:
        stage: the function whose work it is.
        inputs: paths of files or folders, compared by size and time of change.
        settings: plain values or groups of settings.
    """
    plain = {
        name: value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        for name, value in settings.items()
    }
    stats = [Path(path).stat() if path else None for path in inputs]
    files = [(stat.st_size, stat.st_mtime_ns) if stat else None for stat in stats]
    text = json.dumps([plain, list(map(str, inputs)), files], sort_keys=True)
    return hashlib.sha256(f"{text}{fingerprint_of(stage, ROOT)}".encode()).hexdigest()
