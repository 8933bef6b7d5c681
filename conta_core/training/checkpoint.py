"""The state of a training, so that one that was stopped goes on to the same bits.

The state stands in a file of its own, outside what the workflow declares as output
(Snakemake removes those before a job starts again), and is deleted with the end of the
training. It carries a key: a state of other settings, inputs or code is not used.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from conta_core.errors import ContaError
from conta_core.runtime.progress import LOG_ONLY
from conta_core.storage.atomic import replace_when_done
from conta_core.training import processes

LOGGER = logging.getLogger(__name__)


class Checkpoint:
    """Where a training's state is kept, and whose it is.

    Args:
        path: of the file; None: nothing is kept.
        key: see :func:`conta_core.workflow.resume_key.resume_key`.
    """

    def __init__(self, path: str | None, key: str) -> None:
        self._path = Path(path) if path else None
        self._key = key

    def save(self, step: int, parts: Mapping[str, Any], training_log: Any) -> None:
        """Write the state, whole or not at all; every process must call it.

        Args:
            step: how many steps are done.
            parts: what has ``state_dict`` and ``load_state_dict``.
            training_log: plain values that go with it.
        """
        draws = processes.gather_objects(_random_states())
        if self._path is None or not processes.is_first():
            return
        state = {
            "key": self._key,
            "step": step,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "training_log": training_log,
            "random": draws,
        }
        with replace_when_done(self._path) as temporary:
            torch.save(state, temporary)
        LOGGER.info("state of step %d kept in %s", step, self._path, extra=LOG_ONLY)

    def restore(self, parts: Mapping[str, Any]) -> tuple[int, Any]:
        """Load the state where there is one of this very training.

        Returns:
            Steps done and the training_log's values; 0 and None where it begins anew.

        Raises:
            ContaError: a state of this very training whose parts do not fit.
        """
        state = self._read()
        if state is None:
            return 0, None
        try:
            for name, part in parts.items():
                part.load_state_dict(state["parts"][name])
            if len(state["random"]) == processes.count():
                _set_random_states(state["random"][processes.rank()])
            step, training_log = int(state["step"]), state["training_log"]
        except Exception as error:  # parts may be half loaded, so it cannot begin anew
            raise ContaError(
                f"{self._path}: its state does not fit this training ({type(error).__name__}: "
                f"{error}); delete the file, and the training begins anew"
            ) from None
        LOGGER.info("goes on after step %d, from %s", step, self._path)
        return step, training_log

    def _read(self) -> dict[str, Any] | None:
        if self._path is None or not self._path.is_file():
            return None
        try:
            with zipfile.ZipFile(self._path) as archive:
                if archive.testzip() is not None:  # torch.load does not look at the checksums
                    raise ValueError("damaged")
            state = torch.load(self._path, map_location="cpu", weights_only=True)
            found = state["key"]
        except Exception:  # on damaged bytes the unpickler fails in every way there is
            LOGGER.warning("%s: cannot be read; the training begins anew", self._path)
            return None
        if found != self._key:
            LOGGER.warning(
                "%s: of other settings, inputs or code; the training begins anew", self._path
            )
            return None
        return dict(state)


def _random_states() -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _set_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if states["cuda"] is not None:
        torch.cuda.set_rng_state(states["cuda"])
