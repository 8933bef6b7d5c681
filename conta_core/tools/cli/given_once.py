"""Options that a command line gives twice: click keeps the last without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from conta_core.errors import ContaError


def require_given_once(command: Any, words: Sequence[str]) -> None:
    """Refuse an option that is given twice, if it takes one value.

    Args:
        command: of typer: ``conta``, with its own commands.
        words: of the command line, without the name of the program.

    Raises:
        ContaError: the option.
    """
    inner = getattr(command, "commands", {})
    if words and words[0] in inner:
        require_given_once(inner[words[0]], words[1:])
        return
    names = {
        name: option
        for option in command.params
        if option.param_type_name == "option" and not option.multiple and not option.count
        for name in (*option.opts, *option.secondary_opts)
    }
    options = list(words[: words.index("--")] if "--" in words else words)
    given = Counter(
        str(names[name].name)
        for word in options
        # `--output=a`, `-oa`
        if (name := word.partition("=")[0] if word.startswith("--") else word[:2]) in names
    )
    for option in dict.fromkeys(names.values()):
        if given[str(option.name)] > 1:
            raise ContaError(
                f"{'/'.join(option.opts)} is given {given[str(option.name)]} times, of which the "
                "last would count; give it once"
            )
