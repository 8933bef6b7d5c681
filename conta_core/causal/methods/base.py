"""What a method of the causal step is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from conta_core.settings import ContextSettings, Experiment

if TYPE_CHECKING:
    import numpy as np
    import torch

    from conta_core.data.manifest import Manifest
    from conta_core.networks.cam_net import CamNet

#: the stages of every round that ask which method they work for
ASKING = ("train_cam", "extract_cams", "evaluate_reliance", "train_deeplab")


@dataclass(frozen=True)
class CausalInputs:
    """What a stage is given of the causal step.

    Attributes:
        settings: of the context; a stage reads those that :meth:`CausalMethod.keys` names.
        files: name -> path, of :meth:`CausalMethod.inputs`.
    """

    settings: ContextSettings
    files: Mapping[str, str]


@dataclass(frozen=True)
class Preparation:
    """What a method changes of a training.

    Attributes:
        architecture: arguments of the network, plain values that its file keeps.
        views: arguments of :class:`~conta_core.training.views.ViewedImages`.
        begin: what is done to the new network before it learns; None: nothing.
    """

    architecture: Mapping[str, Any] = field(default_factory=dict)
    views: Mapping[str, Any] = field(default_factory=dict)
    begin: Callable[[CamNet], None] | None = None


class ContextReader:
    """What a classifier reads of an image beside the pixels; here, nothing.

    Attributes:
        scaling: ``context.scaling``; None: there is no context.
    """

    scaling: str | None = None

    def read(self, image_id: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Context and query of an image, as :func:`conta_core.seeds.cams.extract` takes them."""
        return None, None


class CausalMethod:
    """A method of the causal step. This base takes nothing from the round before.

    Attributes:
        stages: names of the stages that the method adds to the workflow.
    """

    stages: ClassVar[tuple[str, ...]] = ()

    def keys(self, stage: str, experiment: Experiment, round_index: int) -> tuple[str, ...]:
        """The config keys that a stage depends on through the method, dotted."""
        if round_index == 0:
            return ()
        if stage in ("train_cam", "summarise"):
            return ("context.method", "context.classifier_init")
        return ("context.method",) if stage in ASKING else ()

    def inputs(self, stage: str, experiment: Experiment, round_index: int) -> dict[str, str]:
        """The files that a stage reads through the method: name -> path with ``{run}``."""
        of_model = experiment.context.classifier_init == "segmentation_model"
        if stage == "train_cam" and round_index > 0 and of_model:
            return {"initial_weights": of_round(round_index - 1, "segmentation/model.safetensors")}
        return {}

    def has_stage(self, stage: str, experiment: Experiment, round_index: int) -> bool:
        """Whether the method adds a stage to a round."""
        return False

    def prepare_classifier(
        self,
        causal: CausalInputs,
        data: Manifest,
        ids: Sequence[str],
        draws: tuple[int | str, ...],
        device: torch.device,
    ) -> Preparation:
        """Prepare the training of a classifier.

        Args:
            causal: what the stage was given.
            data: the manifest.
            ids: training images.
            draws: parts of the seed (seed, round, stage) of all that the training draws.
            device: that computes.

        Raises:
            ContaError: a file is missing or broken.
        """
        return Preparation({"context_block": None})

    def prepare_segmentation(
        self,
        causal: CausalInputs,
        data: Manifest,
        ids: Sequence[str],
        draws: tuple[int | str, ...],
        pseudo_masks: str,
    ) -> Preparation:
        """Prepare the training of a segmentation model.

        Args:
            causal: what the stage was given.
            data: the manifest.
            ids: training images.
            draws: parts of the seed (seed, round, stage) of all that the training draws.
            pseudo_masks: folder of <id>.png that the model learns.

        Raises:
            ContaError: a file is missing or broken.
        """
        return Preparation()

    def open_context(
        self, causal: CausalInputs, data: Manifest, ids: Sequence[str]
    ) -> ContextReader:
        """What a trained classifier reads of images.

        Args:
            causal: what the stage was given.
            data: the manifest.
            ids: images that are read.

        Raises:
            ContaError: a file is missing or broken.
        """
        return ContextReader()


def of_round(round_index: int, name: str) -> str:
    """Path of a round's file, with ``{run}`` in place of the run's name."""
    return f"results/{{run}}/round-{round_index}/{name}"
