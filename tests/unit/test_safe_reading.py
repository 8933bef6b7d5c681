"""Nothing read from outside is unpickled, evaluated or run: no such call stands in the tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for pattern in ("conta_core/**/*.py", "workflow_scripts/*.py", "rules/*.smk", "Snakefile")
    for path in REPOSITORY.glob(pattern)
)

#: wherever it is called -> what to use
FORBIDDEN = {
    "eval": "ast.literal_eval or a parser",
    "exec": "no code from data",
    "pickle.load": "safetensors or json",
    "pickle.loads": "safetensors or json",
    "pickle.Unpickler": "safetensors or json",
    "dill.load": "safetensors or json",
    "joblib.load": "safetensors or json",
    "marshal.load": "json",
    "marshal.loads": "json",
    "shelve.open": "json",
    "pandas.read_pickle": "a table as text",
    "pd.read_pickle": "a table as text",
    "numpy.fromfile": "conta_core.storage.stores",
    "np.fromfile": "conta_core.storage.stores",
    "torch.hub.load": "weights as safetensors",
    "torch.jit.load": "weights as safetensors",
    "yaml.load": "yaml.safe_load",
    "yaml.load_all": "yaml.safe_load",
    "yaml.full_load": "yaml.safe_load",
    "yaml.unsafe_load": "yaml.safe_load",
    "os.system": "subprocess.run with a list",
    "os.popen": "subprocess.run with a list",
    "cv2.imread": "conta_core.images.photographs",
}
#: needs this argument with this value
REQUIRED = {"torch.load": ("weights_only", True)}
#: this argument may not have this value
REFUSED = {"allow_pickle": True, "shell": True, "trust_remote_code": True, "weights_only": False}
XML_READERS = {
    "parse",
    "fromstring",
    "iterparse",
    "XML",
    "XMLParser",
    "parseString",
    "ParserCreate",
}
#: decodes, and only behind the limits on its size
IMAGE_OPENERS = {"conta_core/images/photographs.py"}


def problems(source: str, path: str = "x.py") -> Iterator[str]:
    """What is called that may not be, with its line."""
    # a rule file is Python within its blocks; what is not is none of ours
    tree = ast.parse(source if path.endswith(".py") else _python_of(source))
    names = _imported(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _full_name(node.func, names)
        where = f"{path}, line {node.lineno}: {name}"
        given = {k.arg: k.value for k in node.keywords}
        if name in FORBIDDEN:
            yield f"{where}: use {FORBIDDEN[name]}"
        if name in REQUIRED:
            argument, value = REQUIRED[name]
            if _constant(given.get(argument)) is not value:
                yield f"{where}: give it {argument}={value}"
        yield from (
            f"{where}: not with {argument}={value}"
            for argument, value in REFUSED.items()
            if argument in given and _constant(given[argument]) is not (not value)
        )
        if name.startswith(("xml.", "lxml.")) and name.rpartition(".")[2] in XML_READERS:
            yield f"{where}: use defusedxml"
        if name in ("PIL.Image.open", "cv2.imdecode") and path not in IMAGE_OPENERS:
            yield f"{where}: use conta_core.images.photographs.open_image"


def _python_of(source: str) -> str:
    """The functions of a rule file, each by itself; the rules hold no calls but lookups."""
    blocks = []
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(("def ", "import ", "from ")):
            end = number + 1
            while end < len(lines) and (not lines[end].strip() or lines[end][0] in " )"):
                end += 1
            blocks.append("\n".join(lines[number:end]))
    return "\n".join(blocks)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Name in the module -> what it stands for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                names[item.asname or item.name.partition(".")[0]] = (
                    item.name if item.asname else item.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for item in node.names:
                names[item.asname or item.name] = f"{node.module}.{item.name}"
    return names


def _full_name(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, names)}.{node.attr}"
    return ""


def _constant(node: ast.AST | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_call_that_could_run_what_is_read(path: Path) -> None:
    name = str(path.relative_to(REPOSITORY))
    assert not list(problems(path.read_text(encoding="utf-8"), name))


@pytest.mark.parametrize(
    "source",
    [
        "eval(x)",
        "import pickle\npickle.loads(x)",
        "from pickle import load as l\nl(x)",
        "import torch\ntorch.load(x)",
        "import torch\ntorch.load(x, weights_only=False)",
        "import torch\ntorch.load(x, weights_only=flag)",
        "import yaml\nyaml.load(x, Loader=y)",
        "import numpy as n\nn.load(x, allow_pickle=True)",
        "import numpy as n\nn.load(x, allow_pickle=flag)",
        "import subprocess\nsubprocess.run(x, shell=True)",
        "import xml.etree.ElementTree as E\nE.parse(x)",
        "from xml.etree import ElementTree\nElementTree.fromstring(x)",
        "from xml.dom.minidom import parseString\nparseString(x)",
        "from PIL import Image\nImage.open(x)",
        "import cv2\ncv2.imread(x)",
        "import os\nos.system(x)",
    ],
)
def test_such_calls_are_found(source: str) -> None:
    assert len(list(problems(source))) >= 1


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import torch\ntorch.load(x, map_location='cpu', weights_only=True)",
        "import yaml\nyaml.safe_load(x)",
        "import numpy\nnumpy.load(x, allow_pickle=False)",
        "import xml.etree.ElementTree as E\nE.Element('a')",
        "from defusedxml import ElementTree\nElementTree.parse(x)",
        "import re\nre.compile(x)",
    ],
)
def test_others_are_not(source: str) -> None:
    assert not list(problems(source))
