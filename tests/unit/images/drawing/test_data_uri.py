from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from conta_core.images.drawing.data_uri import data_uri


@pytest.mark.parametrize(("exact", "kind"), [(True, "png"), (False, "jpeg")])
def test_a_picture_of_a_given_side(exact: bool, kind: str) -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = (0, 128, 0)
    uri, size = data_uri(pixels, 16, exact=exact)
    assert size == (16, 8)
    head, data = uri.split(",")
    assert head == f"data:image/{kind};base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as found:
        assert found.size == size
        if exact:
            enlarged = pixels.repeat(2, axis=0).repeat(2, axis=1)
            np.testing.assert_array_equal(np.asarray(found.convert("RGB")), enlarged)
