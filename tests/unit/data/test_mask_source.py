from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from conta_core.data import mask_source
from conta_core.data.mask_source import open_masks
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "SegmentationClassAug"
    folder.mkdir()
    for value, image_id in enumerate(("a", "b"), start=1):
        write_label_png(folder / f"{image_id}.png", np.full((4, 6), value, np.uint8))
    (folder / "notes.txt").write_text("no mask")
    (folder / ".hidden.png").write_text("no id")
    return folder


@pytest.fixture
def archive(folder: Path) -> Path:
    path = folder.with_suffix(".tar")
    with tarfile.open(path, "w") as tar:
        tar.add(folder, folder.name)
    return path


def test_folder_and_archive_hold_the_same(folder: Path, archive: Path) -> None:
    for path in (folder, archive):
        with open_masks(path) as source:
            assert source.ids == {"a", "b"}
            assert source.name == str(path)
            for value, image_id in enumerate("ab", start=1):
                np.testing.assert_array_equal(source.read(image_id), np.full((4, 6), value))
            with pytest.raises(ContaError, match=r"no such mask"):
                source.read("c")


def test_only_regular_members_are_read(archive: Path) -> None:
    with tarfile.open(archive, "a") as tar:
        for name, kind in (("l.png", tarfile.SYMTYPE), ("h.png", tarfile.LNKTYPE),
                           ("f.png", tarfile.FIFOTYPE), ("d.png", tarfile.DIRTYPE)):  # fmt: skip
            member = tarfile.TarInfo(f"SegmentationClassAug/{name}")
            member.type, member.linkname = kind, "SegmentationClassAug/a.png"
            tar.addfile(member)
    with open_masks(archive) as source:
        assert source.ids == {"a", "b"}


def test_names_of_members_never_become_paths(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "climbing.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(folder / "a.png", "../../a.png")
    before = sorted(tmp_path.rglob("*"))
    with open_masks(path) as source:
        assert source.read("a").shape == (4, 6)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mask_twice(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, "a") as tar:
        tar.add(folder / "b.png", "other/a.png")
    with (
        pytest.raises(ContaError, match=r"mask of a twice, SegmentationClassAug/a\.png and other"),
        open_masks(archive),
    ):
        pass


def test_damaged_archives(folder: Path, archive: Path, tmp_path: Path) -> None:
    for content in (b"", b"no archive" * 100, archive.read_bytes()[:700]):
        path = tmp_path / "damaged.tar"
        path.write_bytes(content)
        with pytest.raises(ContaError, match=r"damaged\.tar: "), open_masks(path) as source:
            source.read("a")
    compressed = tmp_path / "masks.tar.gz"
    with tarfile.open(compressed, "w:gz") as tar:
        tar.add(folder, folder.name)
    with pytest.raises(ContaError, match=r"expected an uncompressed \.tar"), open_masks(compressed):
        pass


def test_an_archive_that_ends_within_a_mask(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("m/a.png")
        member.size = 5000
        tar.addfile(member, io.BytesIO(bytes(5000)))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ContaError, match=r"cut\.tar: unreadable archive"), open_masks(path) as s:
        s.read("a")


def test_damaged_masks_are_named(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.tar"
    (folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:40])
    with tarfile.open(path, "w") as tar:
        tar.add(folder, "m")
    with open_masks(path) as source, pytest.raises(ContaError, match=r"m\.tar, m/a\.png: unread"):
        source.read("a")


def test_absurd_sizes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_masks(archive) as source:
        monkeypatch.setattr("conta_core.images.photographs.MAX_PIXELS", 20)
        with pytest.raises(ContaError, match=r"a\.png: refused, too large: 6 x 4 pixels"):
            source.read("a")
        monkeypatch.setattr(mask_source, "_MAX_BYTES", 10)
        with pytest.raises(ContaError, match=r"a\.png: refused, too large: .* bytes"):
            source.read("a")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match="no such folder or archive"), open_masks(tmp_path / "x"):
        pass
    with pytest.raises(ContaError, match="holds no mask"), open_masks(tmp_path):
        pass
