"""CONTA's own method: the next classifier reads the context M (CONTA, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from conta_core.causal.methods.base import (
    CausalInputs,
    CausalMethod,
    ContextReader,
    Preparation,
    of_round,
)
from conta_core.settings import ContextSettings, Experiment

if TYPE_CHECKING:
    import torch

    from conta_core.data.manifest import Manifest

#: the stages that read M
READING = ("train_cam", "extract_cams", "evaluate_reliance")
#: stage -> the keys of the context that it depends on
KEYS = {
    "build_confounders": ("size", "source", "background", "oracle_masks", "prior"),
    "deconfound": ("steps", "learning_rate", "maps", "assignment", "oracle_masks"),
    "train_cam": ("block", "scaling", "learning"),
    "extract_cams": ("scaling",),
    "evaluate_reliance": ("scaling",),
    "summarise": tuple(key for key in ContextSettings.model_fields if key != "intervention"),
}


class ContaMethod(CausalMethod):
    """M, the attention over the confounder set, goes into the classifier."""

    stages: ClassVar[tuple[str, ...]] = ("build_confounders", "deconfound")

    def keys(self, stage: str, experiment: Experiment, round_index: int) -> tuple[str, ...]:
        """The config keys that a stage depends on through the method, dotted."""
        own = (f"context.{key}" for key in KEYS.get(stage, ()))
        return tuple(dict.fromkeys((*super().keys(stage, experiment, round_index), *own)))

    def inputs(self, stage: str, experiment: Experiment, round_index: int) -> dict[str, str]:
        """The files that a stage reads through the method: name -> path with ``{run}``."""
        found = super().inputs(stage, experiment, round_index)
        context = experiment.context
        if stage == "build_confounders":
            of_segmentation = context.source == "segmentation"
            name = "segmentation/train_masks.h5" if of_segmentation else "pseudo_masks"
            found["masks"] = of_round(round_index, name)
        elif stage in READING and context.learning == "tags":
            found["context"] = of_round(round_index - 1, "context/context.h5")
        elif stage in READING:
            files = ("context/confounders", "segmentation/train_masks", "segmentation/logits")
            for name in files:
                found[name.partition("/")[2]] = of_round(round_index - 1, f"{name}.h5")
        return found

    def has_stage(self, stage: str, experiment: Experiment, round_index: int) -> bool:
        """Whether the method adds a stage to a round."""
        # no round reads the M of the last one
        goes_on = round_index < experiment.rounds - 1
        makes_m = experiment.context.learning == "tags"
        return goes_on and (stage == "build_confounders" or (stage == "deconfound" and makes_m))

    def prepare_classifier(
        self,
        causal: CausalInputs,
        data: Manifest,
        ids: Sequence[str],
        draws: tuple[int | str, ...],
        device: torch.device,
    ) -> Preparation:
        """Inputs for M in the network, and M on the views."""
        from conta_core.causal.conta.preparation import prepare_classifier

        return prepare_classifier(causal, data, ids)

    def open_context(
        self, causal: CausalInputs, data: Manifest, ids: Sequence[str]
    ) -> ContextReader:
        """M of the round before, or what the classifier makes it of."""
        from conta_core.causal.conta.preparation import open_context

        return open_context(causal, data, ids)
