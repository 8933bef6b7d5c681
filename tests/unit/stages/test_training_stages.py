"""The learning stages of two rounds in a chain, as small as they can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import conta_core
from conta_core.confounders import resize_mask
from conta_core.context_maps import ContextMaps
from conta_core.edges import predict_edge
from conta_core.errors import ContaError
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.masks import read_label_png
from conta_core.random_walk import random_walk
from conta_core.segmentation_output import predicted_labels
from conta_core.settings import (
    CamSettings,
    ContextSettings,
    DatasetSettings,
    IrnSettings,
    LabelCrfSettings,
    PseudoMaskSettings,
    SegmentationSettings,
    WalkSettings,
)
from conta_core.stages.build_confounders import build_confounders
from conta_core.stages.deconfound import deconfound
from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.index_dataset import index_dataset
from conta_core.stages.make_irn_labels import make_irn_labels
from conta_core.stages.make_pseudo_masks import make_pseudo_masks
from conta_core.stages.predict_logits import predict_logits
from conta_core.stages.predict_train_masks import predict_train_masks
from conta_core.stages.refine_cams import refine_cams
from conta_core.stages.train_cam import train_cam
from conta_core.stages.train_deeplab import class_weights, msc_terms, train_deeplab
from conta_core.stages.train_irn import train_irn
from conta_core.stores import StoreReader
from conta_core.training.frozen_features import Batch, batches
from conta_core.training.objective import weighted_ratios

SIDE = 64
BACKBONE: dict[str, Any] = {
    "backbone": "efficientnet_lite0_stage5",
    "weights": "imagenet",
    "output_stride": 8,
}
CAM = CamSettings(
    **BACKBONE,
    frozen_blocks=3,
    epochs=5,
    batch_size=4,
    learning_rate=0.01,
    resize=(48, 64),
    crop=48,
    views=2,
    scales=(1.0, 0.5),
)
LABEL_CRF = LabelCrfSettings(iterations=1)
IRN = IrnSettings(
    **BACKBONE,
    label_crf=LABEL_CRF,
    radius=3,
    epochs=2,
    batch_size=4,
    resize=(48, 64),
    crop=48,
    views=1,
)
WALK = WalkSettings(radius=3, beta=8.0, steps=16)
SEGMENTATION = SegmentationSettings(
    **BACKBONE,
    frozen_blocks=4,
    aspp_rates=(1, 2),
    scales=(0.5,),
    epochs=10,
    batch_size=4,
    class_balanced=True,
    resize=(64, 64),
    crop=64,
    views=1,
)
CONTEXT = ContextSettings(size=(6, 5), steps=20)


class Chain:
    """The files of one run, and a call for each stage."""

    def __init__(self, folder: Path, manifest: str, run: str = "conta", seed: int = 0) -> None:
        self.folder, self.manifest, self.run, self.seed = folder, manifest, run, seed

    def path(self, name: str, round_index: int = 0) -> str:
        path = self.folder / f"round-{round_index}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def train_cam(
        self, name: str = "cam.safetensors", *, round_index: int = 0, **change: Any
    ) -> None:
        options: dict[str, Any] = {
            "manifest": self.manifest,
            "context": None,
            "output": self.path(name, round_index),
            "settings": CAM,
            "context_settings": CONTEXT,
            "seed": self.seed,
            "round_index": round_index,
            "threads": 1,
        }
        train_cam(**{**options, **change})

    def extract_cams(self, round_index: int = 0, context: str | None = None) -> None:
        extract_cams(
            manifest=self.manifest,
            model=self.path("cam.safetensors", round_index),
            context=context,
            output=self.path("cams.h5", round_index),
            scales=CAM.scales,
            scaling=CONTEXT.scaling,
            run=self.run,
            round_index=round_index,
            threads=1,
        )

    def expand(self) -> None:
        """IR labels, the IRN, the walk and the pseudo-masks."""
        make_irn_labels(
            manifest=self.manifest,
            cams=self.path("cams.h5"),
            output=self.path("labels.h5"),
            settings=IRN,
            run=self.run,
            round_index=0,
            workers=1,
        )
        train_irn(
            manifest=self.manifest,
            labels=self.path("labels.h5"),
            output=self.path("irn.safetensors"),
            settings=IRN,
            seed=self.seed,
            round_index=0,
            threads=1,
        )
        refine_cams(
            manifest=self.manifest,
            model=self.path("irn.safetensors"),
            cams=self.path("cams.h5"),
            output=self.path("refined.h5"),
            settings=WALK,
            run=self.run,
            round_index=0,
            threads=1,
        )
        make_pseudo_masks(
            manifest=self.manifest,
            refined=self.path("refined.h5"),
            output=self.path("pseudo_masks"),
            settings=PseudoMaskSettings(crf=False),
            label_crf=LABEL_CRF,
            workers=1,
        )

    def segment(self) -> None:
        """DeepLab and its predictions of both lists."""
        train_deeplab(
            manifest=self.manifest,
            pseudo_masks=self.path("pseudo_masks"),
            output=self.path("deeplab.safetensors"),
            settings=SEGMENTATION,
            seed=self.seed,
            round_index=0,
            threads=1,
        )
        for stage, name in ((predict_logits, "logits.h5"), (predict_train_masks, "train_masks.h5")):
            stage(
                manifest=self.manifest,
                model=self.path("deeplab.safetensors"),
                output=self.path(name),
                run=self.run,
                round_index=0,
                threads=1,
            )

    def causal_step(self) -> None:
        """The confounder set and M."""
        build_confounders(
            manifest=self.manifest,
            masks=self.path("train_masks.h5"),
            output=self.path("confounders.h5"),
            settings=CONTEXT,
            run=self.run,
            round_index=0,
        )
        deconfound(
            manifest=self.manifest,
            confounders=self.path("confounders.h5"),
            train_masks=self.path("train_masks.h5"),
            logits=self.path("logits.h5"),
            output=self.path("context.h5"),
            settings=CONTEXT,
            seed=self.seed,
            run=self.run,
            round_index=0,
            threads=1,
        )

    def all(self) -> Chain:
        self.train_cam()
        self.extract_cams()
        self.expand()
        self.segment()
        self.causal_step()
        context = self.path("context.h5")
        self.train_cam(round_index=1, context=context)
        self.extract_cams(1, context)
        return self


@pytest.fixture(scope="module")
def manifest_path(tiny_shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "dataset.json"
    index_dataset(settings=DatasetSettings(), made=str(tiny_shapes), output=str(path))
    return str(path)


@pytest.fixture(scope="module")
def chain(manifest_path: str, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return Chain(tmp_path_factory.mktemp("chain"), manifest_path).all()


@pytest.fixture(scope="module")
def data(manifest_path: str) -> Manifest:
    return Manifest.load(manifest_path)


def opened(chain: Chain, name: str, kind: str, ids: list[str], round_index: int = 0) -> StoreReader:
    data = Manifest.load(chain.manifest)
    store = StoreReader(chain.path(name, round_index), kind, ids, data.classes)
    assert (store.run, store.round) == ("conta", round_index)
    assert store.image_ids == sorted(ids)
    assert all(store.size(i) == (SIDE, SIDE) for i in ids)
    return store


def require(array: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    assert (array.dtype, array.shape) == (dtype, shape)
    assert np.isfinite(array).all()


@pytest.mark.parametrize("round_index", [0, 1])
def test_cams(chain: Chain, data: Manifest, round_index: int) -> None:
    ids = data.ids("train", "val")
    assert len(ids) == 12
    count = len(data.classes)
    with opened(chain, "cams.h5", "cams", ids, round_index) as store:
        for i in ids:
            keys = store.read(i, "keys")
            np.testing.assert_array_equal(keys, data.tag_indices(i))
            assert len(keys) >= 1
            require(store.read(i, "cam"), np.float32, (len(keys), 16, 16))
            require(store.read(i, "high_res"), np.float16, (len(keys), SIDE, SIDE))
            require(store.read(i, "probability"), np.float32, (count,))
            for name in ("cam", "high_res", "probability"):
                assert 0 <= store.read(i, name).min() <= store.read(i, name).max() <= 1
        scaling = "standardise" if round_index else None
        assert store.settings == {"scales": [1.0, 0.5], "context": scaling}


def test_labels(chain: Chain, data: Manifest) -> None:
    with opened(chain, "labels.h5", "labels", data.ids("train")) as store:
        for i in data.ids("train"):
            labels = store.read(i, "labels")
            require(labels, np.uint8, (SIDE, SIDE))
            assert set(np.unique(labels)) <= {0, 255, *(data.tag_indices(i) + 1)}


def test_refined(chain: Chain, data: Manifest) -> None:
    network = conta_core.load_model(chain.path("irn.safetensors"))
    ids = data.ids("train")
    with (
        opened(chain, "refined.h5", "refined", ids) as store,
        StoreReader(chain.path("cams.h5"), "cams") as cams,
    ):
        assert store.settings == {"radius": 3, "beta": 8.0, "steps": 16}
        for i in ids:
            refined, cam = store.read(i, "refined"), cams.read(i, "cam")
            require(refined, np.float32, cam.shape)
            assert 0 <= refined.min() <= refined.max() <= 1
            edge = predict_edge(network, read_image(data.images[i].image))
            assert edge.shape == (16, 16)
            expected = random_walk(torch.from_numpy(cam), edge, radius=3, beta=8.0, steps=16)
            np.testing.assert_allclose(refined, expected.numpy(), atol=1e-6)
            np.testing.assert_array_equal(store.read(i, "keys"), data.tag_indices(i))


@torch.no_grad()
def test_edges_do_not_depend_on_the_flip(chain: Chain, data: Manifest) -> None:
    network = conta_core.load_model(chain.path("irn.safetensors"))
    image = read_image(data.images[data.ids("train")[0]].image)
    edge = predict_edge(network, image)
    flipped = predict_edge(network, image[:, ::-1].copy())
    torch.testing.assert_close(flipped.flip(-1), edge, atol=1e-5, rtol=1e-4)
    assert float((edge - edge.flip(-1)).abs().max()) > 1e-3
    odd = predict_edge(network, image[:50, :37])
    assert odd.shape == (13, 10)
    assert 0 <= float(odd.min()) <= float(odd.max()) <= 1


def test_pseudo_masks(chain: Chain, data: Manifest) -> None:
    folder = Path(chain.path("pseudo_masks"))
    assert sorted(path.stem for path in folder.iterdir()) == sorted(data.ids("train"))
    for i in data.ids("train"):
        mask = read_label_png(folder / f"{i}.png")
        require(mask, np.uint8, (SIDE, SIDE))
        assert set(np.unique(mask)) <= {0, *(data.tag_indices(i) + 1)}


def test_predictions(chain: Chain, data: Manifest) -> None:
    count = len(data.class_names)
    with opened(chain, "logits.h5", "logits", data.ids("val")) as store:
        for i in data.ids("val"):
            require(store.read(i, "logits"), np.float32, (count, 8, 8))
    model = conta_core.load_model(chain.path("deeplab.safetensors"))
    with opened(chain, "train_masks.h5", "train_masks", data.ids("train")) as store:
        for i in data.ids("train"):
            mask = store.read(i, "mask")
            require(mask, np.uint8, (SIDE, SIDE))
            image = torch.from_numpy(read_image(data.images[i].image).transpose(2, 0, 1).copy())
            with torch.no_grad():
                logits = model(model.backbone.normalise(image[None]))[0].numpy()
            np.testing.assert_array_equal(mask, predicted_labels(logits, (SIDE, SIDE)))


def test_confounders(chain: Chain, data: Manifest) -> None:
    count = len(data.classes)
    with (
        StoreReader(chain.path("confounders.h5"), "confounders", (), data.classes) as store,
        StoreReader(chain.path("train_masks.h5"), "train_masks") as masks,
    ):
        assert store.settings == {"size": [6, 5], "source": "segmentation", "prior": "uniform"}
        found, prior = store.read_root("masks"), store.read_root("prior")
        require(found, np.float32, (count, 6, 5))
        require(prior, np.float32, (count,))
        np.testing.assert_allclose(prior, 1 / count)
        for index, name in enumerate(data.classes):
            of_class = [i for i in data.ids("train") if name in data.images[i].tags]
            assert store.read_root("count")[index] == len(of_class)
            present = [
                resize_mask((masks.read(i, "mask") == index + 1).astype(np.float32), (6, 5))
                for i in of_class
            ]
            expected = np.mean(present, axis=0) if present else np.zeros((6, 5))
            np.testing.assert_allclose(found[index], expected, atol=1e-6)


def test_confounders_of_the_pseudo_masks(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    build_confounders(
        manifest=chain.manifest,
        masks=chain.path("pseudo_masks"),
        output=str(tmp_path / "c.h5"),
        settings=ContextSettings(size=(SIDE, SIDE), source="pseudo_masks"),
        run="conta",
        round_index=0,
    )
    index = int(data.tag_indices(data.ids("train")[0])[0])
    folder = Path(chain.path("pseudo_masks"))
    of_class = [i for i in data.ids("train") if index in data.tag_indices(i)]
    expected = np.mean([read_label_png(folder / f"{i}.png") == index + 1 for i in of_class], axis=0)
    with StoreReader(tmp_path / "c.h5", "confounders") as store:
        np.testing.assert_allclose(store.read_root("masks")[index], expected, atol=1e-6)


def test_context(chain: Chain, data: Manifest) -> None:
    ids, count = data.ids("train", "val"), len(data.classes)
    with (
        opened(chain, "context.h5", "context", ids) as store,
        StoreReader(chain.path("confounders.h5"), "confounders") as confounders,
    ):
        assert store.settings == {"steps": 20, "learning_rate": 0.01}
        c, prior = confounders.read_root("masks"), confounders.read_root("prior")
        for i in ids:
            alpha, m = store.read(i, "alpha"), store.read(i, "mask")
            require(alpha, np.float32, (count,))
            require(m, np.float32, (6, 5))
            assert alpha.sum() == pytest.approx(1, abs=1e-5)
            assert alpha.min() >= 0
            # equation 4, from what the stores hold
            np.testing.assert_allclose(m, np.einsum("n,nhw->hw", alpha * prior, c), atol=1e-6)
        training = np.stack([store.read(i, "mask") for i in data.ids("train")])
        np.testing.assert_allclose(store.read_root("mean"), training.mean(0), atol=1e-6)
        deviation = (training - training.mean(0)).std()
        assert float(store.read_root("deviation")) == pytest.approx(deviation, rel=1e-3, abs=1e-9)
    maps = ContextMaps(chain.path("context.h5"), "standardise", ids, data.classes)
    assert all(np.isfinite(maps[i]).all() for i in ids)


def test_models_learned(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    """What is to learn moved, what is frozen did not."""
    chain.train_cam(
        output=str(tmp_path / "still.safetensors"),
        settings=CAM.model_copy(update={"learning_rate": 0.0}),
    )
    before = load_file(tmp_path / "still.safetensors")
    after = load_file(chain.path("cam.safetensors"))
    for key, value in before.items():
        learned = not torch.equal(after[key], value)
        frozen = key.startswith(("backbone.blocks.0", "backbone.blocks.1", "backbone.blocks.2"))
        statistic = key.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert learned == (not frozen and not statistic), key
    irn = load_file(chain.path("irn.safetensors"))
    assert irn["mean_displacement"].abs().max() > 0
    for name, tensors in (("irn", irn), ("deeplab", load_file(chain.path("deeplab.safetensors")))):
        assert all(bool(torch.isfinite(value).all()) for value in tensors.values()), name


def drawn(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[], Any]
) -> tuple[list[Batch], list[dict[str, Any]]]:
    """The batches that a training reads and its parameter groups; nothing is learned."""
    kept: list[Batch] = []
    groups: list[dict[str, Any]] = []

    def keep(objective: Any, given: Any, images: Any, schedule: Any, **options: Any) -> None:
        views, device = schedule.settings.views, torch.device("cpu")
        passes = schedule.passes()
        kept.extend(batches(images, objective.frozen, passes, views=views, device=device))
        assert len(kept) == schedule.steps
        groups.extend(given)

    monkeypatch.setattr("conta_core.training.model_training.train", keep)
    run()
    return kept, groups


@pytest.mark.parametrize("views", [0, 2])
def test_arms_draw_the_same(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, views: int
) -> None:
    """Control and conta: the same initial weights and batches, but for M and its weights."""
    settings = CAM.model_copy(update={"views": views})
    files = {name: tmp_path / f"{name}.safetensors" for name in ("control", "conta")}

    def run(name: str) -> tuple[list[Batch], list[dict[str, Any]]]:
        context = chain.path("context.h5") if name == "conta" else None
        return drawn(
            monkeypatch,
            lambda: chain.train_cam(
                output=str(files[name]), round_index=1, context=context, settings=settings
            ),
        )

    (control, _), (conta, _) = run("control"), run("conta")
    assert len(control) == len(conta) == 2 * CAM.epochs
    for one, other in zip(control, conta, strict=True):
        assert one.epoch == other.epoch
        assert one.whole == other.whole
        assert torch.equal(one.targets["tags"], other.targets["tags"])
        for a, b in zip(one.features, other.features, strict=True):
            assert torch.equal(a, b)
        assert "context" not in one.targets
        assert other.targets["context"].shape == (4, 1, 6, 6)
    plain, reading = (load_file(files[name]) for name in ("control", "conta"))
    assert set(reading) - set(plain) == {"backbone.context_inputs.5.weights.0"}
    for key, value in plain.items():
        assert torch.equal(reading[key], value), key


def test_groups_of_the_classifier(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Head and context learn faster; each learning tensor is in one group."""
    _, groups = drawn(
        monkeypatch,
        lambda: chain.train_cam(
            output=str(tmp_path / "x.safetensors"), round_index=1, context=chain.path("context.h5")
        ),
    )
    assert [group["lr"] for group in groups] == [pytest.approx(0.1), pytest.approx(0.01)]
    sizes = [[tuple(p.shape) for p in group["params"]] for group in groups]
    assert sizes[0] == [(6, 112, 1, 1), (480, 1, 1, 1)]
    members = [id(p) for group in groups for p in group["params"]]
    assert len(set(members)) == len(members)
    assert all(p.requires_grad for group in groups for p in group["params"])


def test_rounds_and_seeds_draw_anew(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(**change: Any) -> tuple[list[tuple[int, ...]], Tensor]:
        path = tmp_path / "x.safetensors"
        found, _ = drawn(monkeypatch, lambda: chain.train_cam(output=str(path), **change))
        return [batch.whole for batch in found], load_file(path)["classifier.weight"]

    order, weight = run()
    for change in ({"round_index": 1}, {"seed": 1}):
        other_order, other_weight = run(**change)
        assert order != other_order
        assert not torch.equal(weight, other_weight)


def test_the_same_bits_again(chain: Chain, manifest_path: str, tmp_path: Path) -> None:
    """Every file of a second run in another folder, after other draws."""
    torch.manual_seed(4321)
    np.random.default_rng().random(5)
    again = Chain(tmp_path, manifest_path).all()
    compared = 0
    for path in sorted(chain.folder.rglob("*")):
        if path.is_file():
            other = again.folder / path.relative_to(chain.folder)
            assert other.read_bytes() == path.read_bytes(), path.name
            compared += 1
    # 10 of the first round besides its 8 masks, 2 of the second
    assert compared == 10 + 8 + 2


def test_stores_keep_what_they_were_told(chain: Chain) -> None:
    for path in chain.folder.rglob("*.h5"):
        with h5py.File(path, "r") as file:
            assert bool(file.attrs["complete"])


def test_a_radius_that_does_not_fit(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(ContaError, match=r"irn\.radius is 7: .* 12 x 12 cells"):
        train_irn(
            manifest=chain.manifest,
            labels=chain.path("labels.h5"),
            output=str(tmp_path / "irn.safetensors"),
            settings=IRN.model_copy(update={"radius": 7}),
            seed=0,
            round_index=0,
            threads=1,
        )
    assert not list(tmp_path.iterdir())


def msc_loss(outputs: list[Tensor], labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    return weighted_ratios(*msc_terms(outputs, labels, class_weights), [1.0] * len(outputs))


def test_msc_loss() -> None:
    """The sum over the outputs of the mean cross-entropy on the pixels that count."""
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.randn(2, 3, side, side, generator=generator) for side in (4, 2, 4)]
    labels = torch.randint(0, 3, (2, 8, 8), generator=generator).to(torch.uint8)
    labels[:, :3] = 255
    weights = torch.tensor([0.5, 1.0, 2.0])
    for used in (None, weights):
        expected = 0.0
        for logits in outputs:
            step = 8 // logits.shape[-1]
            total = norm = 0.0
            for b, y, x in np.ndindex(2, *logits.shape[-2:]):
                label = int(labels[b, y * step, x * step])
                if label == 255:
                    continue
                weight = 1.0 if used is None else float(used[label])
                total -= weight * float(logits[b, :, y, x].log_softmax(0)[label])
                norm += weight
            expected += total / norm
        assert float(msc_loss(outputs, labels, used)) == pytest.approx(expected, rel=1e-5)


def test_msc_loss_where_nothing_counts() -> None:
    """A batch of padding alone must not stop the training."""
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = msc_loss([logits], torch.full((1, 8, 8), 255, dtype=torch.uint8))
    assert loss.item() == 0
    loss.backward()


def test_class_weights(chain: Chain, data: Manifest) -> None:
    ids, folder = data.ids("train"), chain.path("pseudo_masks")
    values = np.concatenate([read_label_png(Path(folder) / f"{i}.png").ravel() for i in ids])
    found = class_weights(folder, ids, len(data.class_names)).numpy()
    occurring = [k for k in range(7) if (values == k).any()]
    roots = {k: 1 / np.sqrt((values == k).mean()) for k in occurring}
    mean = sum(roots.values()) / len(roots)
    for k in range(7):
        assert found[k] == pytest.approx(roots.get(k, 0.0) / mean, rel=1e-5)
