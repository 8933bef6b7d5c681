"""What the stages that train a classifier share, from the views of the round to its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conta_core.causal.methods import CausalInputs, method_of
from conta_core.data.manifest import Manifest
from conta_core.networks.cam_net import CamNet
from conta_core.seeds.base import SeedTraining
from conta_core.settings.cam import TrainedSeedSettings
from conta_core.training.batch_norms import prepare_batch_norms
from conta_core.training.model_training import ModelTraining
from conta_core.training.views import ViewedImages


def train_classifier(
    training: ModelTraining,
    seed_training: type[SeedTraining],
    settings: TrainedSeedSettings,
    begin: Callable[[CamNet, Sequence[str]], None],
    *,
    manifest: str,
    causal: CausalInputs,
    round_index: int,
    output: str,
    inputs: Sequence[str],
) -> None:
    """Train a classifier and write its file.

    Args:
        training: of the stage.
        seed_training: network, objective and learning rates.
        settings: of the training.
        begin: gives the new network, on the CPU, the weights that it begins with; it is told the
            foreground class names.
        manifest: path of dataset.json.
        causal: what the classifier takes from the round before, which moves no draw of its own
            training.
        round_index: the round.
        output: path of the model file.
        inputs: paths of what else the stage reads.
    """
    data = Manifest.load(manifest)
    ids = data.ids("train")
    method = method_of(causal.settings, round_index)
    prepared = method.prepare_classifier(causal, data, ids, training.draws, training.device)
    architecture = training.architecture(**prepared.architecture)
    model = seed_training.network(len(data.classes), architecture)
    if prepared.begin is not None:
        prepared.begin(model)
    begin(model, data.classes)
    model = model.to(training.device)
    model = prepare_batch_norms(model, model.backbone, settings.batch_norm, settings.frozen_blocks)
    objective = seed_training.objective(model, settings)
    images = ViewedImages(
        data,
        ids,
        settings=settings,
        seed=training.draws,
        fill=model.backbone.fill,
        **seed_training.views(settings),
        **prepared.views,
    )
    training.run(
        seed_training.what,
        objective,
        seed_training.groups(model, settings),
        images,
        inputs=[manifest, *inputs, *causal.files.values()],
        workers=training.readers,
        context=causal.settings,
    )
    training.keep(output, model, seed_training.kind, data.classes, architecture)
