"""``conta text-embeddings``: what cam.method clip-es is told of classes and backgrounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def text_embeddings(
    output: Annotated[Path, typer.Argument(help="The .safetensors file to write.")],
    classes: Annotated[
        str,
        typer.Option(help="voc, coco, a run's dataset.json, or names separated by commas."),
    ],
    synonyms: Annotated[
        list[str] | None,
        typer.Option(
            help='Text of a class, such as "person=person with clothes,people,human", or a YAML '
            "file of them; may be given several times. Without: CLIP-ES's, else the name."
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(help="Background words, separated by commas.", show_default="CLIP-ES's 25"),
    ] = None,
    model: Annotated[str, typer.Option(help="open_clip's name of the model.")] = "ViT-B-16",
    pretrained: Annotated[
        str, typer.Option(help="open_clip's name of its weights, or a file.")
    ] = "openai",
    prompt: Annotated[
        str | None,
        typer.Option(help="Where {} stands a text.", show_default="CLIP-ES's, a clean origami {}."),
    ] = None,
) -> None:
    """Embed the classes of a data set, and background words, by a CLIP model's text tower.

    It needs open_clip (pip install open_clip_torch), and the network for its weights. The run that
    takes the file (cam.text) needs neither.

    Example:
      conta text-embeddings data/clip_voc.safetensors --classes voc
    """
    # only here: `conta --help` must not wait for torch
    from conta_core.tools.text_embeddings.open_clip_texts import make_text_embeddings
    from conta_core.tools.text_embeddings.wording import (
        PROMPT,
        background_words,
        class_names,
        class_texts,
    )

    names = class_names(classes)
    texts = class_texts(names, synonyms or [])
    words = background_words(names, background)
    made = make_text_embeddings(
        output,
        texts,
        words,
        model=model,
        pretrained=pretrained,
        prompt=PROMPT if prompt is None else prompt,
    )
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{output}: {len(names)} classes and {len(words)} background words, {made.width} channels, "
        f"of {made.model}"
    )
    for name, wordings in texts.items():
        console.print(f"  {name}: {' | '.join(made.prompt.format(text) for text in wordings)}")
    console.print(f"  background: {', '.join(words)}")
