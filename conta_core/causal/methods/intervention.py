"""The method intervention: objects are recombined with other contexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from conta_core.causal.methods.base import CausalInputs, CausalMethod, Preparation, of_round
from conta_core.settings import Experiment

if TYPE_CHECKING:
    import torch

    from conta_core.data.manifest import Manifest

#: the keys that say which objects are recombined, and how
OBJECT_KEYS = (
    "context.prior",
    "context.intervention.object_masks",
    "context.intervention.backgrounds",
    "context.intervention.area_filter",
    "context.intervention.ownership",
)


class InterventionMethod(CausalMethod):
    """The networks see objects in other contexts, and contexts without their objects."""

    stages: ClassVar[tuple[str, ...]] = ("measure_objects",)

    def keys(self, stage: str, experiment: Experiment, round_index: int) -> tuple[str, ...]:
        """The config keys that a stage depends on through the method, dotted."""
        chosen, group = experiment.context.intervention, "context.intervention"
        own: tuple[str, ...] = ()
        if stage == "train_cam":
            shares = (f"{group}.recombined", f"{group}.counterfactual")
            own = (*OBJECT_KEYS, *shares, f"{group}.balance")
        elif stage == "train_deeplab":
            share = f"{group}.segmentation_recombined"
            own = (*OBJECT_KEYS, share) if chosen.segmentation_recombined else (share,)
        elif stage == "make_pseudo_masks" and chosen.threshold != "fixed":
            own = (f"{group}.threshold", f"{group}.area_filter")
        elif stage == "measure_objects":
            own = (f"{group}.balance",)
        elif stage == "summarise":
            own = ("context.prior", group)
        return (*super().keys(stage, experiment, round_index), *own)

    def inputs(self, stage: str, experiment: Experiment, round_index: int) -> dict[str, str]:
        """The files that a stage reads through the method: name -> path with ``{run}``."""
        chosen, before = experiment.context.intervention, round_index - 1
        found = super().inputs(stage, experiment, round_index)
        if stage == "train_cam" and chosen.object_masks != "truth":
            found["pseudo_masks"] = of_round(before, "pseudo_masks")
        if stage == "train_cam" and chosen.measures_for_classifier:
            found["objects"] = of_round(before, "intervention/objects.h5")
        if stage == "train_deeplab" and chosen.measures_for_segmentation:
            found["objects"] = of_round(round_index, "intervention/objects.h5")
        if stage == "make_pseudo_masks" and chosen.threshold != "fixed":
            found["first_refined"] = of_round(0, "irn/refined.h5")
        return found

    def has_stage(self, stage: str, experiment: Experiment, round_index: int) -> bool:
        """Whether the method adds a stage to a round."""
        chosen = experiment.context.intervention
        for_classifier = chosen.measures_for_classifier and round_index < experiment.rounds - 1
        for_segmentation = chosen.measures_for_segmentation and round_index > 0
        return stage == "measure_objects" and (for_classifier or for_segmentation)

    def prepare_classifier(
        self,
        causal: CausalInputs,
        data: Manifest,
        ids: Sequence[str],
        draws: tuple[int | str, ...],
        device: torch.device,
    ) -> Preparation:
        """Views of objects in other contexts, by the masks of the round before."""
        from conta_core.causal.intervention.preparation import prepare_classifier

        return prepare_classifier(causal, data, ids, draws, device)

    def prepare_segmentation(
        self,
        causal: CausalInputs,
        data: Manifest,
        ids: Sequence[str],
        draws: tuple[int | str, ...],
        pseudo_masks: str,
    ) -> Preparation:
        """Views of objects in other contexts, by the round's own masks."""
        from conta_core.causal.intervention.preparation import prepare_segmentation

        return prepare_segmentation(causal, data, ids, draws, pseudo_masks)
