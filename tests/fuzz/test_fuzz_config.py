"""The config: values of every type, and YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import DEEP, altered, fuzz, mutated, reads_or_refuses, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st

from conta_core.errors import ContaError
from conta_core.settings import Experiment
from conta_core.settings.load import load_experiments, pick, read_config

pytestmark = pytest.mark.slow

DEFAULT: dict[str, Any] = Experiment().model_dump(mode="json")
CONFIG = DEFAULT | {
    "runs": {"a": {"seed": 3}, "b": {"start_from": "a", "seed": 3, "context": {"method": "none"}}},
    "comparison": {
        "name": "x",
        "arms": {"c": {"context": {"method": "none"}}, "d": {}},
        "levels": [{"confounding": 0.5, "seeds": 2, "arms": ["c", "d"]}, {"seeds": 1}],
    },
}
SMALL = yaml.safe_dump(
    {
        "runs": {"a": {"seed": 3}},
        "dataset": {"name": "x", "format": "voc", "root": "data", "classes": ["cat", "dog"]},
        "rounds": 2,
        "cam": {"scales": [1.0, 0.5]},
    }
).encode()
LAUGHS = b"a0: &a0 [1, 1]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)
)
ITSELF = b"rounds: &a [1, *a]\n"


def resolve(config: Any) -> None:
    for experiment in load_experiments(config).values():
        pick(experiment, ["cam", "context.block"])


def read(path: Path) -> None:
    try:
        resolve(read_config(path))
    except ContaError as error:
        raise ContaError(f"{path}: {error}") from None


def _deepen(config: Any) -> Any:
    """Python values as YAML gives them: keys that are no text, depth."""
    if isinstance(config, dict):
        return {3 if key == "" else key: _deepen(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_deepen(value) for value in config]
    if config == DEEP:
        for _ in range(5000):
            config = [config]
    return config


@fuzz
@given(config=st.one_of(altered(CONFIG), altered(DEFAULT), altered(yaml.safe_load(SMALL))))
def test_values(config: Any) -> None:
    if isinstance(config, dict):
        with reads_or_refuses():
            resolve(_deepen(config))


tags = st.builds(
    lambda tag, value: b"rounds: !!%s %s\n" % (tag, value),
    st.sampled_from([b"int", b"float", b"bool", b"timestamp", b"binary", b"set", b"omap", b"null",
                     b"python/object/apply:os.getcwd", b"python/name:os.system", b"merge"]),
    st.sampled_from([b"x", b"''", b"[1]", b"{a: 1}", b"1:70:99", b"0x", b"2001-99-99", b"~"]),
)  # fmt: skip


@fuzz
@given(data=st.one_of(mutated(SMALL), mutated(LAUGHS, ITSELF), tags))
def test_files(tmp_path: Path, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / "config.yaml", data, read)


@pytest.mark.parametrize("text", [LAUGHS, ITSELF, b"a: " + b"[" * 40 + b"]" * 40])
def test_what_unfolds_without_end_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "config.yaml").write_bytes(text)
    with reads_or_refuses(), pytest.raises(ContaError):
        read(tmp_path / "config.yaml")
