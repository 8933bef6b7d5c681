"""Train the classifier of a round on with a softmax over its classes (ReCAM, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from conta_core.causal.methods import CausalInputs
from conta_core.errors import ContaError
from conta_core.networks.cam_net import CamNet
from conta_core.seeds.recam_training import RecamTraining
from conta_core.settings.cam import RecamSettings
from conta_core.stages.train_classifier import train_classifier
from conta_core.storage.model_files import load_tensors, read_metadata, require_classes
from conta_core.training import processes
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.model_training import ModelTraining


@processes.in_processes
def train_recam(
    *,
    manifest: str,
    classifier: str,
    causal: CausalInputs,
    output: str,
    settings: RecamSettings,
    seed: int,
    round_index: int,
    threads: int,
    files: TrainingFiles = NO_FILES,
) -> None:
    """Train on with the softmax loss of a second classifier beside the first one's.

    Args:
        manifest: path of dataset.json.
        classifier: path of the round's classifier, whose weights it begins with.
        causal: what the classifier takes from the round before, as in its own training.
        output: path of the model file.
        settings: of the seed.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what the training writes beside the model.

    Raises:
        ContaError: no such classifier, or one of another backbone or of other classes.
    """
    second = settings.second()
    train_classifier(
        ModelTraining(
            "train_recam",
            train_recam,
            second,
            seed=seed,
            round_index=round_index,
            threads=threads,
            files=files,
        ),
        RecamTraining,
        second,
        lambda model, classes: go_on_from(model, classifier, classes),
        manifest=manifest,
        causal=causal,
        round_index=round_index,
        output=output,
        inputs=[classifier],
    )


def go_on_from(model: CamNet, classifier: str, classes: Sequence[str]) -> None:
    """Give a network all that a classifier has; what is beside it stays new.

    Args:
        model: the network.
        classifier: path of the classifier.
        classes: that it must have been trained for.

    Raises:
        ContaError: no classifier, one of other classes, or of another backbone.
    """
    kind, trained_for, _ = read_metadata(classifier)
    if kind != "cam":
        raise ContaError(
            f"{classifier}: a model of kind {kind!r}, expected 'cam'; name the round's classifier"
        )
    require_classes(classifier, trained_for, classes)
    for name in ("backbone", "classifier", "attention"):
        part = getattr(model, name)
        if part is not None:
            load_tensors(part, Path(classifier), below=f"{name}.")
