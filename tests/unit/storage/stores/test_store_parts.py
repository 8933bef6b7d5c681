"""Parts of a store: whatever is killed, truncated or spoiled, the store is right or refused."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest

from conta_core.errors import ContaError
from conta_core.storage.stores.gathering import gather_store
from conta_core.storage.stores.kinds import StoreHeader
from conta_core.storage.stores.parts import Part, read_part, write_part
from conta_core.storage.stores.reader import StoreReader

IDS = [f"image-{index}" for index in range(7)]
STORE = StoreHeader("refined", ["cat", "dog"], "conta", 1, {"beta": 10.0})


def arrays(image_id: str) -> dict[str, np.ndarray]:
    index = IDS.index(image_id)
    rng = np.random.default_rng(index)
    keys = np.arange(index % 3)
    return {"keys": keys, "refined": rng.random((len(keys), 3, 4), dtype=np.float32)}


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that write hundreds of parts: none must outlive the machine."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def make(path: Path, part: Part, key: str = "k", stop_after: int | None = None) -> list[str]:
    """Make a part, or stop in it as a kill would; the images that were made."""
    made: list[str] = []
    with write_part(path, IDS, part, STORE, key) as writer:
        for image_id in writer.missing:
            if len(made) == stop_after:
                raise KeyboardInterrupt
            writer.write(image_id, arrays(image_id), (12, 16))
            made.append(image_id)
    return made


def gathered(folder: Path, count: int) -> Path:
    paths = [folder / f"{number}-of-{count}" for number in range(1, count + 1)]
    for number, path in enumerate(paths, start=1):
        make(path, Part(number, count))
    output = folder / f"store-{count}.h5"
    gather_store(parts=list(map(str, paths)), output=str(output))
    return output


@pytest.mark.parametrize("count", [2, 3, 7, 9])
def test_any_number_of_parts_gives_the_same_bytes(tmp_path: Path, count: int) -> None:
    one = gathered(tmp_path, 1)
    assert gathered(tmp_path, count).read_bytes() == one.read_bytes()
    with StoreReader(one, "refined", IDS, STORE.classes) as store:
        assert (store.run, store.round, store.settings) == ("conta", 1, {"beta": 10.0})
        for image_id in IDS:
            assert store.size(image_id) == (12, 16)
            for name, expected in arrays(image_id).items():
                found = store.read(image_id, name)
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)


def test_a_part_that_was_stopped_goes_on(tmp_path: Path) -> None:
    path, part = tmp_path / "1-of-1", Part(1, 1)
    with pytest.raises(KeyboardInterrupt):
        make(path, part, stop_after=4)
    assert not path.exists()
    assert make(path, part) == IDS[4:]
    assert not unfinished(path).exists()
    whole = tmp_path / "other"
    make(whole, part)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("unsynced")
def test_cut_off_anywhere_it_keeps_the_whole_images(tmp_path: Path) -> None:
    """Every length that a kill could leave: the images before the cut are not made again."""
    path, part = tmp_path / "1-of-2", Part(1, 2)
    with pytest.raises(KeyboardInterrupt):
        make(path, part, stop_after=3)
    content = unfinished(path).read_bytes()
    make(path, part)
    whole, kept = path.read_bytes(), []
    for length in range(len(content) + 1):
        path.unlink(missing_ok=True)
        unfinished(path).write_bytes(content[:length])
        kept.append(len(part.of(IDS)) - len(make(path, part)))
        assert path.read_bytes() == whole
    assert kept == sorted(kept)
    assert set(kept) == {0, 1, 2, 3}


@pytest.mark.usefixtures("unsynced")
def test_a_flipped_byte_is_never_kept(tmp_path: Path) -> None:
    path, part = tmp_path / "1-of-2", Part(1, 2)
    with pytest.raises(KeyboardInterrupt):
        make(path, part, stop_after=3)
    content = unfinished(path).read_bytes()
    make(path, part)
    whole = path.read_bytes()
    for place in range(len(content)):
        path.unlink(missing_ok=True)
        spoiled = bytearray(content)
        spoiled[place] ^= 0x40
        unfinished(path).write_bytes(spoiled)
        make(path, part)
        assert path.read_bytes() == whole


@pytest.mark.usefixtures("unsynced")
def test_a_finished_part_that_was_spoiled_is_refused(tmp_path: Path) -> None:
    path, output = tmp_path / "1-of-1", tmp_path / "store.h5"
    make(path, Part(1, 1))
    content = path.read_bytes()
    lengths = [*range(0, len(content), 7), len(content) - 1]
    flips = range(0, len(content), 3)
    spoiled = [content[:length] for length in lengths]
    spoiled += [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in flips
    ]
    spoiled += [content + b"more", content + content]
    for one in spoiled:
        path.write_bytes(one)
        with pytest.raises(ContaError, match="1-of-1"):
            gather_store(parts=[str(path)], output=str(output))
        assert not output.exists()


@pytest.mark.parametrize("other", ["key", "store", "ids"])
def test_what_another_job_kept_is_not_used(tmp_path: Path, other: str) -> None:
    path, part = tmp_path / "1-of-1", Part(1, 1)
    ids, store, key = IDS, STORE, "k"
    with pytest.raises(KeyboardInterrupt):
        make(path, part, stop_after=4)
    if other == "key":
        key = "of other settings"
    elif other == "store":
        store = StoreHeader("refined", ["cat", "dog"], "conta", 2, {"beta": 10.0})
    else:
        ids = IDS[1:]
    with write_part(path, ids, part, store, key) as writer:
        assert (writer.done, writer.missing) == (0, ids)
        for image_id in ids:
            writer.write(image_id, arrays(image_id), (12, 16))
    assert [record.image_id for record in read_part(path)[1]] == ids


def test_images_in_another_order_or_left_out_are_mistakes(tmp_path: Path) -> None:
    path, part = tmp_path / "1-of-1", Part(1, 1)
    with write_part(path, IDS[:1], part, STORE, "k") as writer:
        with pytest.raises(ValueError, match="not the next"):
            writer.write(IDS[1], arrays(IDS[1]), (12, 16))
        writer.write(IDS[0], arrays(IDS[0]), (12, 16))
        with pytest.raises(ValueError, match="not the next"):
            writer.write(IDS[0], arrays(IDS[0]), (12, 16))
    path.unlink()
    with (
        pytest.raises(ValueError, match="are missing"),
        write_part(path, IDS, part, STORE, "k"),
    ):
        pass
    assert not path.exists()


def test_parts_that_do_not_belong_together(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    make(first, Part(1, 2))
    make(second, Part(2, 2), key="of another time")
    make(third, Part(2, 3))
    output = tmp_path / "store.h5"
    for parts in ([first, second], [first, third], [first], [first, first]):
        with pytest.raises(ContaError, match="expected part"):
            gather_store(parts=list(map(str, parts)), output=str(output))
    with pytest.raises(ContaError, match="not a whole part"):
        gather_store(parts=[str(first), str(tmp_path / "nowhere")], output=str(output))
    assert not output.exists()


def _write_for_ever(path: Path, written: Event) -> None:
    with write_part(path, IDS, Part(1, 1), STORE, "k") as writer:
        writer.write(IDS[0], arrays(IDS[0]), (12, 16))
        written.set()
        time.sleep(60)


def test_two_jobs_do_not_write_one_part(tmp_path: Path) -> None:
    path = tmp_path / "1-of-1"
    context = multiprocessing.get_context("fork")
    written = context.Event()
    other = context.Process(target=_write_for_ever, args=(path, written))
    other.start()
    try:
        assert written.wait(30)
        with pytest.raises(ContaError, match="another job is writing"):
            make(path, Part(1, 1))
    finally:
        os.kill(other.pid or 0, signal.SIGKILL)
        other.join()
    assert make(path, Part(1, 1)) == IDS[1:]  # the killed job's image is kept, its lock is not


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert make(tmp_path / "1-of-1", Part(1, 1)) == IDS
