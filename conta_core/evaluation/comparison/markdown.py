"""comparison.md: the tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from conta_core.evaluation.comparison.tables import Part, Section, Table


def render_markdown(title: str, words: str, sections: Sequence[Section]) -> str:
    """The whole file.

    Args:
        title: its heading.
        words: below it.
        sections: of :func:`conta_core.evaluation.comparison.tables.all_sections`.
    """
    blocks = [f"# {title}", words]
    for section in sections:
        blocks.append(f"## {section.title}")
        blocks += [_part(part) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> str:
    if isinstance(part, Table):
        head, *body = ([cell.replace("|", "\\|") for cell in row] for row in part.rows)
        lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        caption = part.caption
        if not caption.startswith("mIoU"):
            caption = f"{caption[:1].upper()}{caption[1:]}"
        return f"{caption}:\n\n{text}"
    return part
