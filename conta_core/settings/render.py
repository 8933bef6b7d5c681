"""Write config.yaml and schemas/config.schema.json from the settings classes.

python -m conta_core.settings.render            writes both into the working directory
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from conta_core.settings import Config, Settings

HEADER = """\
# The default experiment: CONTA on context-shapes, a data set that is made on the spot.
# Written from conta_core/settings/ (python -m conta_core.settings.render); every key is here.
# A recipe in configs/ states only what differs:  snakemake --cores 2 --configfile configs/NAME.yaml
"""


def render_config() -> str:
    """The commented default config as YAML text."""
    return HEADER + "\n".join(_render(Config(), indent=0)) + "\n"


def render_schema() -> str:
    """The JSON schema of the config, closed, with a description and a default for each key."""
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Conta config"
    return json.dumps(schema, indent=2) + "\n"


def _render(settings: Settings, indent: int) -> list[str]:
    lines: list[str] = []
    pad = " " * indent
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        comment = textwrap.wrap(field.description or "", 96 - indent)
        if indent == 0:
            lines.append("")
        lines += [f"{pad}# {line}" for line in comment]
        if isinstance(value, Settings):
            lines.append(f"{pad}{name}:")
            lines += _render(value, indent + 2)
        else:
            lines.append(f"{pad}{name}: {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        return f"{value:.10f}".rstrip("0")
    return json.dumps(list(value) if isinstance(value, tuple) else value)


if __name__ == "__main__":
    Path("config.yaml").write_text(render_config())
    Path("schemas").mkdir(exist_ok=True)
    Path("schemas/config.schema.json").write_text(render_schema())
