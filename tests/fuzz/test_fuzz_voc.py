"""VOC's annotations and lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import TOKENS, fuzz, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st

from conta_core.data.image_ids import IMAGE_ID
from conta_core.data.problems import refuse
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.data.readers.voc_lists import AUGMENTED, read_list
from conta_core.data.readers.voc_tags import tags_of_annotations

pytestmark = pytest.mark.slow

PLAIN = (
    b"<annotation><filename>a.jpg</filename><object><name>dog</name><difficult>1</difficult>"
    b"</object><object><name> sofa\n</name></object></annotation>"
)
DECLARED = b'<?xml version="1.0" encoding="utf-8"?>\n' + PLAIN
ENTITY = b'<!DOCTYPE a [<!ENTITY x "dog">]>' + PLAIN.replace(b"dog", b"&x;")
LAUGHS = (
    b"<!DOCTYPE a ["
    + b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]>"
    + PLAIN.replace(b"dog", b"&e11;")
)
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + PLAIN.replace(b"dog", b"&x;")
DTD = b'<!DOCTYPE a SYSTEM "http://localhost:1/x.dtd">' + PLAIN
ENCODINGS = ("utf-7", "utf-16", "utf-32", "latin-1", "idna", "hex", "cp037", "euc-jp", "x", "")


def pieces() -> st.SearchStrategy[bytes]:
    tags = (b"annotation", b"object", b"name", b"a:b", b"\xc3\xa9")
    part = st.one_of(
        st.sampled_from([b"<%s>" % tag for tag in tags] + [b"</%s>" % tag for tag in tags]),
        st.sampled_from(
            [b"dog", b"<!--x-->", b"<![CDATA[dog]]>", b"<?x y?>", b"&lt;", b"&#0;", b"&#55296;",
             b"&x;", b"<object><name>dog</name></object>", b"<object>" * 3000]
        ),
        st.sampled_from(TOKENS),
    )  # fmt: skip
    return st.lists(part, max_size=12).map(
        lambda parts: b"<annotation>%s</annotation>" % b"".join(parts)
    )


def annotations() -> st.SearchStrategy[bytes]:
    encoded = st.builds(
        lambda name, text: b'<?xml version="1.0" encoding="%s"?>' % name.encode() + text,
        st.sampled_from(ENCODINGS),
        st.one_of(st.just(PLAIN), st.just(PLAIN.decode().encode("utf-16")), pieces()),
    )
    valid = mutated(PLAIN, DECLARED, ENTITY, LAUGHS, OUTSIDE, DTD)
    return st.one_of(valid, valid, pieces(), encoded)


def read_annotation(path: Path) -> None:
    tags, problems = tags_of_annotations({path.stem: path}, VOC_CLASSES)
    refuse(problems, str(path.parents[1]))
    assert tags[path.stem] <= set(VOC_CLASSES)


@fuzz
@given(data=annotations())
def test_annotations(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Annotations").mkdir(exist_ok=True)
    refuses_or_reads_file(tmp_path / "Annotations" / "image7.xml", data, read_annotation)


LIST = b"2007_000001\n2007_000002\n"
PAIRS = b"".join(
    b"/JPEGImages/%s.jpg /%s/%s.png\r\n" % (i, AUGMENTED.encode(), i)
    for i in (b"2007_000001", b"2011_000003")
)


def read_ids(path: Path) -> None:
    root = path.parents[2]
    for image_id in read_list(root, path.stem, "train").ids:
        assert IMAGE_ID.fullmatch(image_id)
        assert (root / f"{image_id}.png").resolve().parent == root.resolve()
        assert not (root / f"{image_id}.png").exists()  # the name is one that a file can have


lines = st.lists(
    st.one_of(
        st.text(max_size=10),
        st.sampled_from(
            ["a  1", "b -1", "/JPEGImages/a.jpg\t/SegmentationClass/a.png", "a.jpg " * 900,
             "/x/JPEGImages/JPEGImages/a.JPG", "C:\\JPEGImages\\a.png",
             "..", "../a", "/etc/passwd", "a\\b", ".a", "a..b", "-a", "a" * 5000, "a\0", "a b", "é",
             "/JPEGImages/../a.jpg", "/JPEGImages/a.jpg /x/b.png", "/JPEGImages/.jpg", "a\x85b"]
        ),
    ),
    max_size=4,
).map(lambda texts: "\n".join(texts).encode("utf-8", "surrogatepass"))  # fmt: skip


@fuzz
@given(data=st.one_of(mutated(LIST, PAIRS), lines))
def test_lists(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "ImageSets" / "Segmentation"
    folder.mkdir(parents=True, exist_ok=True)
    refuses_or_reads_file(folder / "train.txt", data, read_ids)
