"""What a text tower is told of classes and backgrounds.

The prompt, the background words and the classes' texts are CLIP-ES's (Lin et al., CVPR 2023).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from conta_core.data.readers.coco_classes import COCO_CLASSES
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError

PROMPT = "a clean origami {}."
BACKGROUND_WORDS = (
    "ground", "land", "grass", "tree", "building", "wall", "sky", "lake", "water", "river", "sea",
    "railway", "railroad", "keyboard", "helmet", "cloud", "house", "mountain", "ocean", "road",
    "rock", "street", "valley", "bridge", "sign",
)  # fmt: skip
#: class -> its text, where that is not the class's name; the names are VOC's and COCO's
CLASS_TEXTS: Mapping[str, str] = {
    "person": "person with clothes,people,human",
    "bird": "bird avian",
    "chair": "chair seat",
    "tvmonitor": "tvmonitor screen",
    "tv": "tvmonitor screen",
    "airplane": "aeroplane",
    "motorcycle": "motorbike",
    "couch": "sofa",
    "potted plant": "pottedplant",
    "dining table": "diningtable",
    "backpack": "backpack,bag",
    "umbrella": "umbrella,parasol",
    "handbag": "handbag,purse",
    "tie": "necktie",
    "baseball glove": "glove",
    "spoon": "dessertspoon",
    "remote": "remote control",
    "hair drier": "hairdrier,blowdrier",
}
#: names that stand for the classes of a data set
KNOWN_CLASSES = {"voc": VOC_CLASSES, "coco": COCO_CLASSES}


def class_names(given: str) -> tuple[str, ...]:
    """Class names from ``voc``, ``coco``, the path of a run's dataset.json, or a list with commas.

    Raises:
        ContaError: a name is empty or stands there twice, or the manifest cannot be read.
    """
    if given in KNOWN_CLASSES:
        return tuple(KNOWN_CLASSES[given])
    if given.endswith(".json"):
        # only here: a list of names must not wait for what reads the manifest
        from conta_core.data.manifest import Manifest

        return tuple(Manifest.load(given).classes)
    names = tuple(name.strip() for name in given.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise ContaError(
            f"--classes is {given!r}: a name is empty or stands there twice; give voc, coco, a "
            "run's dataset.json, or names separated by commas"
        )
    return names


def class_texts(classes: Sequence[str], synonyms: Sequence[str]) -> dict[str, list[str]]:
    """The texts of each class.

    One text, also one with several words for the class, is put into the prompt as it is, as in
    CLIP-ES. Only a YAML file can give a class several texts.

    Args:
        classes: class names.
        synonyms: ``class=text``, or the path of a YAML file with a text, or a list of texts, for
            some classes; a later one counts.

    Returns:
        class -> its texts: those given, else CLIP-ES's, else its name.

    Raises:
        ContaError: a class that is not asked for, no text, or no readable file.
    """
    texts = {name: [CLASS_TEXTS.get(name, name)] for name in classes}
    for given in synonyms:
        for name, found in _synonyms(given).items():
            if name not in texts:
                raise ContaError(
                    f"--synonyms {given}: {name!r} is not among the classes {', '.join(classes)}; "
                    "write class=text"
                )
            texts[name] = found
    return texts


def background_words(classes: Sequence[str], given: str | None) -> list[str]:
    """Background words: those given, separated by commas, or CLIP-ES's.

    CLIP-ES's are left out where they are a word of a class's name, such as keyboard with COCO.

    Raises:
        ContaError: a word is empty, stands there twice or is a class.
    """
    if given is None:
        of_classes = {word for name in classes for word in name.split()}
        return [word for word in BACKGROUND_WORDS if word not in of_classes]
    words = [word.strip() for word in given.split(",")]
    if not all(words) or len(set(words)) < len(words) or set(words) & set(classes):
        raise ContaError(
            f"--background is {given!r}: a word is empty, stands there twice or is a class; give "
            "words separated by commas"
        )
    return words


def _synonyms(given: str) -> dict[str, list[str]]:
    if given.endswith((".yaml", ".yml")):
        return _read_synonyms(given)
    name, _, text = given.partition("=")
    if not name.strip() or not text.strip():
        raise ContaError(
            f"--synonyms is {given!r}; give class=text, such as "
            '"person=person with clothes,people,human", or a YAML file'
        )
    return {name.strip(): [text.strip()]}


def _read_synonyms(path: str | os.PathLike[str]) -> dict[str, list[str]]:
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except Exception as error:  # on tags that do not fit their value the parser fails in many ways
        raise ContaError(f"{path}: no readable YAML file ({error})") from None
    found = {}
    for name, texts in values.items() if isinstance(values, dict) else ():
        listed = [texts] if isinstance(texts, str) else texts
        good = isinstance(listed, list) and all(isinstance(t, str) and t.strip() for t in listed)
        if not listed or not good:
            raise ContaError(f"{path}: {name!r} has {texts!r}; give it a text or a list of texts")
        found[str(name)] = [text.strip() for text in listed]
    if not found:
        raise ContaError(f"{path}: no synonyms; expected lines such as 'bird: bird avian'")
    return found
