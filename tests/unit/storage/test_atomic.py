from __future__ import annotations

from pathlib import Path

import pytest

from conta_core.storage.atomic import replace_folder_when_done, replace_when_done


def write(path: Path, text: str, *, fail: bool = False) -> None:
    with replace_when_done(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary != path
        temporary.write_text(text)
        if fail:
            raise RuntimeError("stop")


def fill(path: Path, names: str, *, fail: bool = False) -> None:
    with replace_folder_when_done(path) as temporary:
        assert temporary.parent == path.parent
        for name in names:
            (temporary / name).write_text(name)
        if fail:
            raise RuntimeError("stop")


def test_file_appears_when_done(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write(path, "one")
    assert path.read_text() == "one"
    write(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_file_is_not_there_before(tmp_path: Path) -> None:
    with replace_when_done(tmp_path / "file") as temporary:
        temporary.write_text("one")
        assert not (tmp_path / "file").exists()


def test_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write(tmp_path / "file", "one", fail=True)
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "old")
    times = path.stat().st_mtime_ns
    with pytest.raises(RuntimeError):
        write(path, "new", fail=True)
    assert path.read_text() == "old"
    assert path.stat().st_mtime_ns == times
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "old")

    def interrupt() -> None:
        with replace_when_done(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_folder_appears_when_done(tmp_path: Path) -> None:
    path = tmp_path / "new" / "masks"
    fill(path, "ab")
    fill(path, "bc")
    assert sorted(p.name for p in path.iterdir()) == ["b", "c"]
    assert [p.name for p in path.parent.iterdir()] == ["masks"]


def test_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    fill(path, "ab")
    with pytest.raises(RuntimeError):
        fill(path, "c", fail=True)
    assert sorted(p.name for p in path.iterdir()) == ["a", "b"]
    assert [p.name for p in tmp_path.iterdir()] == ["masks"]


def test_failure_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        fill(tmp_path / "masks", "ab", fail=True)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_job_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".masks.tmp-1").mkdir()
    (tmp_path / ".masks.tmp-1" / "a.png").write_text("half")
    (tmp_path / ".x.h5.tmp-2").write_text("half")
    (tmp_path / ".other.h5.tmp-3").write_text("of another")
    with replace_folder_when_done(tmp_path / "masks") as folder:
        (folder / "b.png").write_text("whole")
    with replace_when_done(tmp_path / "x.h5") as file:
        file.write_text("whole")
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == [".other.h5.tmp-3", "masks", "masks/b.png", "x.h5"]
