"""Compute the next round's context M of every image (CONTA, section 3.3, step 4)."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import torch

from conta_core.causal.ablations.oracle_masks import read_true_mask, require_true_masks
from conta_core.causal.ablations.shuffled_contexts import shuffle_places
from conta_core.causal.conta.attention import ContextAttention
from conta_core.causal.conta.predicted_masks import encode_mask, predicted_masks
from conta_core.data.manifest import Manifest
from conta_core.runtime.device import configure_threads, select_device
from conta_core.runtime.seeding import torch_generator
from conta_core.settings import ContextSettings
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store

LOGGER = logging.getLogger(__name__)

#: the paper's values of keys of variants for comparisons, which the store tells where they differ
PAPER = {"assignment": "own", "maps": "sum"}


def deconfound(
    *,
    manifest: str,
    confounders: str,
    train_masks: str,
    logits: str,
    output: str,
    settings: ContextSettings,
    seed: int,
    run: str,
    round_index: int,
    threads: int,
) -> None:
    """Learn W1 and W2 on the training list, then write M and alpha of every image.

    The validation images get theirs from the predictions in logits.h5 (no ground
    truth), so that their CAMs can be scored too; nothing learns from them.

    Args:
        manifest: path of dataset.json.
        confounders: path of confounders.h5.
        train_masks: path of train_masks.h5 (X_m of the training list).
        logits: path of logits.h5 (X_m of the validation list). Neither is read with
            ``context.oracle_masks: true``, where X_m is the ground truth.
        output: path of context.h5.
        settings: of the causal step.
        seed: of the experiment.
        run: name of the run.
        round_index: the round.
        threads: CPU threads.
    """
    configure_threads(threads)
    device = select_device()
    data = Manifest.load(manifest)
    train_ids, all_ids = data.ids("train"), data.ids("train", "val")
    with StoreReader(confounders, "confounders", (), data.classes) as store:
        masks = torch.from_numpy(store.read_root("masks")).to(device)
        prior = torch.from_numpy(store.read_root("prior")).to(device)
    size = (masks.shape[1], masks.shape[2])
    labels: Iterator[np.ndarray]
    if settings.oracle_masks:
        require_true_masks(data, all_ids)
        labels = (read_true_mask(data, image_id) for image_id in all_ids)
    else:
        labels = predicted_masks(data, all_ids, train_masks, logits)
    encoded, shapes = [], []
    for mask in labels:
        encoded.append(encode_mask(mask, len(data.classes), size))
        if settings.maps == "shape":
            shapes.append(encode_mask(mask != 0, 1, size))
    queries = torch.from_numpy(np.stack(encoded)).to(device)
    tags = torch.from_numpy(np.stack([data.tag_vector(i) for i in train_ids])).to(device)
    generator = torch_generator(seed, round_index, "deconfound")
    attention = ContextAttention(masks.cpu(), prior.cpu(), generator).to(device)
    count, extra = len(train_ids), len(masks) - len(data.classes)
    # every image has the background, where the confounder set has it
    present = torch.cat([tags.new_ones(count, extra), tags], dim=1)
    loss = attention.learn(queries[:count], present, settings.steps, settings.learning_rate)
    with torch.no_grad():
        both = attention(queries, by_class=settings.maps == "classes")
        contexts, alphas = (x.cpu().numpy() for x in both)
    if settings.maps == "shape":
        contexts = np.stack(shapes)
    own = tags.cpu().numpy() > 0
    LOGGER.info(
        "context: tag loss %.4f; alpha on an image's own classes %.3f (uniform would be %.3f)",
        loss,
        float((alphas[:count, extra:] * own).sum(1).mean()),
        float(own.sum(1).mean() / len(masks)),
    )
    mean = contexts[:count].mean(axis=0)
    deviation = np.asarray((contexts[:count] - mean).std(), dtype=np.float32)
    if settings.assignment == "shuffled":
        draws = (seed, round_index, "deconfound", "assignment")
        places = shuffle_places((count, len(all_ids) - count), draws)
        contexts, alphas = contexts[places], alphas[places]
    chosen = settings.model_dump(include={"steps", "learning_rate"}, mode="json")
    if settings.oracle_masks:
        chosen["masks"] = "truth"
    variants = settings.model_dump(include=set(PAPER), mode="json")
    chosen |= {key: value for key, value in variants.items() if value != PAPER[key]}
    with write_store(
        output, "context", classes=data.classes, run=run, round_index=round_index, settings=chosen
    ) as written:
        written.write_root({"mean": mean, "deviation": deviation})
        for image_id, context, alpha in zip(all_ids, contexts, alphas, strict=True):
            arrays = {"mask": context, "alpha": alpha}
            written.write(image_id, arrays, size=data.images[image_id].size)
