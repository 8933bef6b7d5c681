from __future__ import annotations

from pathlib import Path

import pytest

from conta_core.data.readers.coco_classes import COCO_CLASSES
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError
from conta_core.tools.text_embeddings.wording import (
    BACKGROUND_WORDS,
    CLASS_TEXTS,
    background_words,
    class_names,
    class_texts,
)


def test_the_classes_of_the_known_data_sets() -> None:
    assert class_names("voc") == tuple(VOC_CLASSES)
    assert class_names("coco") == tuple(COCO_CLASSES)
    assert class_names("boat, traffic light") == ("boat", "traffic light")
    assert set(CLASS_TEXTS) <= {*VOC_CLASSES, *COCO_CLASSES}


def test_the_texts_of_voc_are_those_of_clip_es() -> None:
    texts = class_texts(VOC_CLASSES, [])
    changed = {name: found for name, found in texts.items() if found != [name]}
    assert changed == {
        "bird": ["bird avian"],
        "chair": ["chair seat"],
        "person": ["person with clothes,people,human"],
        "tvmonitor": ["tvmonitor screen"],
    }


def test_background_words() -> None:
    """COCO has a keyboard and a stop sign: CLIP-ES leaves the words out."""
    assert background_words(VOC_CLASSES, None) == list(BACKGROUND_WORDS)
    assert len(BACKGROUND_WORDS) == 25
    left_out = set(BACKGROUND_WORDS) - set(background_words(COCO_CLASSES, None))
    assert left_out == {"keyboard", "sign"}
    assert background_words(["boat"], "sea, dry land") == ["sea", "dry land"]


def test_synonyms(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.yaml"
    file.write_text("dog: [dog, puppy]\nboat: a rowing boat\n")
    texts = class_texts(["bird", "boat", "dog"], [str(file), "boat=boat,ship", "bird=a=b"])
    assert texts == {"bird": ["a=b"], "boat": ["boat,ship"], "dog": ["dog", "puppy"]}


@pytest.mark.parametrize(
    ("synonyms", "message"),
    [
        ("cow=cattle", "'cow' is not among the classes bird, dog"),
        ("bird", 'give class=text, such as "person=person with clothes,people,human"'),
        ("bird=", "give class=text"),
        ("nothing.yaml", "no readable YAML file"),
    ],
)
def test_synonyms_that_are_refused(synonyms: str, message: str) -> None:
    with pytest.raises(ContaError, match=message):
        class_texts(["bird", "dog"], [synonyms])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bird: 3\n", "'bird' has 3; give it a text or a list of texts"),
        ("bird: []\n", r"'bird' has \[\]"),
        ("bird: ['', a]\n", "'bird' has"),
        ("- bird\n", "no synonyms; expected lines such as"),
        ("bird: !!python/name:os.system\n", "no readable YAML file"),
    ],
)
def test_files_of_synonyms_that_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "synonyms.yaml"
    file.write_text(content)
    with pytest.raises(ContaError, match=message):
        class_texts(["bird", "dog"], [str(file)])


def test_lists_that_are_refused() -> None:
    for given in ("bird,", "bird,dog,bird"):
        with pytest.raises(ContaError, match="a name is empty or stands there twice"):
            class_names(given)
    for given in ("sea,,land", "sea,sea", "sea,bird"):
        with pytest.raises(ContaError, match="a word is empty, stands there twice or is a class"):
            background_words(["bird"], given)
