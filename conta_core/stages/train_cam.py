"""Train the CAM classifier of a round (CONTA, section 3.3, step 1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from conta_core.causal.methods import CausalInputs
from conta_core.networks.cam_net import CamNet
from conta_core.networks.segmenters.files import require_kind
from conta_core.settings.cam import TrainedSeedSettings
from conta_core.settings.choices import TRAININGS
from conta_core.stages.train_classifier import train_classifier
from conta_core.storage.model_files import load_tensors, read_metadata, require_classes
from conta_core.training import processes
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.model_training import ModelTraining


@processes.in_processes
def train_cam(
    *,
    manifest: str,
    causal: CausalInputs,
    output: str,
    settings: TrainedSeedSettings,
    seed: int,
    round_index: int,
    threads: int,
    files: TrainingFiles = NO_FILES,
) -> None:
    """Train s = f(X, M) as the seed says.

    Args:
        manifest: path of dataset.json.
        causal: what the classifier takes from the round before, which moves no draw of its own
            training. With ``initial_weights``, path of that round's segmentation model, its
            backbone begins from that one's, and not from ``settings.weights``.
        output: path of the model file.
        settings: of the classifier.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what the training writes beside the model.
    """

    def begin(model: CamNet, classes: Sequence[str]) -> None:
        if "initial_weights" in causal.files:
            begin_from(model, causal.files["initial_weights"], classes)

    train_classifier(
        ModelTraining(
            "train_cam",
            train_cam,
            settings,
            seed=seed,
            round_index=round_index,
            threads=threads,
            files=files,
        ),
        TRAININGS[settings.method].load_code(),
        settings,
        begin,
        manifest=manifest,
        causal=causal,
        round_index=round_index,
        output=output,
        inputs=[],
    )


def begin_from(model: CamNet, segmentation: str, classes: Sequence[str]) -> None:
    """Give a classifier's backbone the weights of a segmentation model's.

    Args:
        model: the classifier; its head and the weights that read M stay as they are.
        segmentation: path of the segmentation model.
        classes: that it must have been trained for.

    Raises:
        ContaError: no such model, or one of another backbone.
    """
    require_kind(segmentation)
    require_classes(segmentation, read_metadata(segmentation)[1], classes)
    load_tensors(model.backbone.blocks, Path(segmentation), below="backbone.blocks.")
