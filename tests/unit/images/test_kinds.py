"""HEIC and AVIF, which phones write: read where that is possible, else told by their kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images import kinds
from conta_core.images.kinds import ENDINGS, FORMATS, mend_of
from conta_core.images.photographs import read_image

SMOOTH = np.dstack([np.tile(np.linspace(20, 230, 64), (48, 1))] * 3).astype(np.uint8)


@pytest.mark.parametrize(("ending", "kind"), [("heic", "HEIF"), ("avif", "AVIF")])
def test_a_phones_photograph(tmp_path: Path, ending: str, kind: str) -> None:
    if kind not in FORMATS:
        pytest.skip(f"no reader of {kind} is installed")
    path = tmp_path / f"p.{ending}"
    Image.fromarray(SMOOTH).save(path, quality=95)
    np.testing.assert_allclose(read_image(path).astype(int), SMOOTH, atol=6)


@pytest.mark.parametrize("brand", ["heic", "heix", "mif1", "avif"])
@pytest.mark.parametrize("first", [True, False])
def test_a_damaged_one_is_told_by_its_kind(tmp_path: Path, brand: str, first: bool) -> None:
    head = b"\0\0\0\x20ftyp" + (brand.encode() if first else b"isom") + b"\0\0\0\0"
    path = tmp_path / "p.img"
    path.write_bytes(head + (b"isom" if first else brand.encode()) + b"\0" * 100)
    kind = "AVIF" if brand == "avif" else "HEIC"
    with pytest.raises(ContaError, match=f"a photograph of the kind {kind}: .*take its id off"):
        read_image(path)


def test_what_is_to_do_where_no_reader_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "FORMATS", ("JPEG",))
    head = b"\0\0\0\x20ftypheic\0\0\0\0mif1"
    assert "pip install pillow-heif, or convert it to JPEG" in mend_of(head)
    assert mend_of(b"not an image at all") == "replace the file"
    assert mend_of(b"") == "the file is empty: copy it again"


def test_no_phones_ending_is_passed_over() -> None:
    assert {".heic", ".heif", ".avif"} <= ENDINGS
