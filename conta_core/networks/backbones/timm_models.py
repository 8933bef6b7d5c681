"""Networks as timm makes them, with its weights where they are asked for."""

from __future__ import annotations

from typing import Any

from conta_core.errors import ContaError

#: what timm raises where it cannot make a network as it is asked to
REFUSALS = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)


def create(name: str, pretrained: bool, **options: Any) -> Any:
    """Make a timm network.

    Args:
        name: timm's, perhaps with a tag of its weights.
        pretrained: with timm's weights for this name, else random ones.
        options: of ``timm.create_model``.

    Raises:
        ContaError: its weights are neither on this machine nor to be fetched.
        Exception: one of :data:`REFUSALS`: timm cannot make it so.
    """
    import timm

    try:
        return timm.create_model(name, pretrained=pretrained, **options)
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise ContaError(
            f"weights is 'imagenet': timm's weights for 'timm:{name}' are not in the cache of the "
            f"Hugging Face hub, and could not be fetched ({reason}); fetch them where there is a "
            "network and copy the cache (HF_HOME), or set weights to a .safetensors file or none"
        ) from None
