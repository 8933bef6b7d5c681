"""A store that finds no room: one clear error, whatever HDF5 makes of it."""

from __future__ import annotations

import errno
import resource
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from conta_core.storage.stores.error_latching import ErrorLatchingStream

ROOM = 20_000
JOB = """
import sys
import numpy as np
from conta_core.runtime.jobs import job
from conta_core.storage.stores.writer import write_store

settings = {"classes": ["a", "b"], "run": "conta", "round_index": 0, "settings": {}}
with job(sys.argv[2], "deconfound", {"run": "conta", "round": "0"}):
    with write_store(sys.argv[1], "context", **settings) as writer:
        for index in range(500):
            mask = np.full((8, 8), index, np.float32)
            writer.write(f"image-{index}", {"mask": mask, "alpha": mask[0, :2]}, (8, 8))
            print(index, flush=True)
"""


def limit_room() -> None:
    """Files of this process end at ROOM bytes, with an error instead of a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def test_a_store_that_finds_no_room_is_one_clear_error(tmp_path: Path) -> None:
    store = tmp_path / "stores" / "context.h5"
    done = subprocess.run(
        [sys.executable, "-c", JOB, str(store), str(tmp_path / "log")],
        capture_output=True,
        text=True,
        preexec_fn=limit_room,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("conta round 0 deconfound: error: File too large: ")
    assert len(done.stderr.splitlines()) == 1
    assert 0 < len(done.stdout.splitlines()) < 500  # it stops, and not at the end
    assert list(store.parent.iterdir()) == []


def test_the_first_failure_is_kept_and_nothing_more_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        written = 0

        def __getattr__(self, name: str) -> object:
            return getattr(file, name)

        def write(self, data: memoryview) -> int:
            if Full.written >= 10:
                raise OSError(errno.ENOSPC, "No space left on device")
            Full.written += 4
            return int(file.write(data[:4]))

    with ErrorLatchingStream(tmp_path / "x") as stream:
        file = stream._file
        monkeypatch.setattr(stream, "_file", Full())
        assert stream.write(bytes(8)) == 8
        stream.require_written()
        assert stream.write(bytes(100)) == 100
        assert stream.write(bytes(100)) == 100
        with pytest.raises(OSError, match="No space left") as caught:
            stream.require_written()
        assert caught.value.filename == str(tmp_path / "x")
        stream.seek(0)
        assert stream.read(20) == bytes(20)
    assert (tmp_path / "x").stat().st_size == 12


def test_hdf5_reads_what_it_wrote(tmp_path: Path) -> None:
    with ErrorLatchingStream(tmp_path / "x.h5") as stream:
        with h5py.File(stream, "w", libver="v110") as file:
            for index in range(300):
                file.create_group(f"g{index}")["a"] = index
        stream.require_written()
    with h5py.File(tmp_path / "x.h5", "r") as file:
        assert [int(file[f"g{index}/a"][()]) for index in range(300)] == list(range(300))
