from __future__ import annotations

from conta_core.manifest import ImageRecord, Manifest
from conta_core.report.pictures import shown_images


def test_pictures_are_evenly_spaced_over_tagged_images() -> None:
    records = {
        f"i{i}": ImageRecord(f"i{i}", "", 1, 1, ("cat",) if i % 2 else ()) for i in range(40)
    }
    lists = {"train": tuple(records), "val": ()}
    manifest = Manifest("set", ("cat",), lists, {"train": "t", "val": "v"}, records)
    assert shown_images(manifest) == ["i1", "i9", "i17", "i23", "i31", "i39"]
