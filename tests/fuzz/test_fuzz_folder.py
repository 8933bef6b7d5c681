"""The table of tags of a plain folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import fuzz, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st

from conta_core.data.image_ids import IMAGE_ID
from conta_core.data.readers.folder import read_folder
from conta_core.settings import DatasetSettings

pytestmark = pytest.mark.slow

TABLE = (
    b"image,tags,split,mask\n"
    b"images/a.jpg,cat;dog,train,masks/a.png\n"
    b'"images/b, c.jpg",cat,val,\n'
    b"d.png, dog ,,\n"
)
SHORT = b"\xef\xbb\xbfimage,tags\r\na.jpg,cat\r\nb.jpg,\r\n"

cells = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["a.jpg", "images/b.jpg", "../a.jpg", "/etc/passwd", "a\\b.jpg", "a\0.jpg", ".jpg", "..jpg",
         "x" * 5000, "a\nb.jpg", '"', '""', "cat", "dog;", ";;", "train", "val", "masks/../../a"]
    ),
)  # fmt: skip
rows = st.lists(st.lists(cells, min_size=1, max_size=5).map(",".join), max_size=5)
headers = st.sampled_from(
    [
        "image,tags",
        "image,tags,split,mask",
        "tags,image",
        "image,tags,tags",
        "image",
        "",
        "image,tags,",
    ]
)
tables = st.builds(
    lambda header, lines: "\n".join([header, *lines]).encode("utf-8", "surrogatepass"),
    headers,
    rows,
)


def read(path: Path) -> None:
    root = path.parent
    manifest = read_folder(DatasetSettings(name="x", format="folder", root=str(root)))
    for image_id, record in manifest.images.items():
        assert IMAGE_ID.fullmatch(image_id)
        for name in (record.image, record.mask or record.image):
            assert Path(name).resolve().is_relative_to(root.resolve())
            assert not Path(name).is_file()  # the name is one that a file can have


@fuzz
@given(data=st.one_of(mutated(TABLE, SHORT), tables))
def test_tables(tmp_path: Path, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / "tags.csv", data, read)
