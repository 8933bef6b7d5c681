"""What the config chooses by name, with settings of its own: one line adds a variant.

A line names a class of code and a class of settings. Both are imported when they are asked for, so
this module imports neither. docs/extending.md shows a variant of each kind.
"""

from __future__ import annotations

from conta_core.runtime.registry import Choice, Registry

#: cam.method -> what gives the CAMs, a :class:`~conta_core.seeds.base.Seed`
SEEDS: Registry[Choice] = Registry(
    "cam.method",
    {
        "classifier": Choice(
            "conta_core.seeds.classifier.Classifier", "conta_core.settings.cam.CamSettings"
        ),
        "recam": Choice("conta_core.seeds.recam.Recam", "conta_core.settings.cam.RecamSettings"),
        "seam": Choice("conta_core.seeds.seam.Seam", "conta_core.settings.seam.SeamSettings"),
        "clip-es": Choice(
            "conta_core.seeds.clip_es.ClipEs", "conta_core.settings.clip_es.ClipEsSettings"
        ),
        "imported": Choice(
            "conta_core.seeds.imported.Imported",
            "conta_core.settings.imported.ImportedSettings",
        ),
    },
)

#: cam.method -> how its network is trained, a :class:`~conta_core.seeds.base.SeedTraining`
TRAININGS: Registry[Choice] = Registry(
    "cam.method",
    {
        "classifier": Choice(
            "conta_core.seeds.classifier_training.ClassifierTraining",
            "conta_core.settings.cam.CamSettings",
        ),
        "recam": Choice(
            "conta_core.seeds.classifier_training.ClassifierTraining",
            "conta_core.settings.cam.RecamSettings",
        ),
        "seam": Choice(
            "conta_core.seeds.seam_training.SeamTraining",
            "conta_core.settings.seam.SeamSettings",
        ),
        "imported": Choice(
            "conta_core.seeds.classifier_training.ClassifierTraining",
            "conta_core.settings.imported.ImportedSettings",
        ),
    },
)

#: refinement.method -> what refines CAMs, a :class:`~conta_core.refinement.base.Refinement`
REFINEMENTS: Registry[Choice] = Registry(
    "refinement.method",
    {
        "irn": Choice(
            "conta_core.refinement.irn.IrnRefinement",
            "conta_core.settings.refinement.IrnRefinementSettings",
        ),
        "pamr": Choice(
            "conta_core.refinement.pamr.PamrRefinement",
            "conta_core.settings.refinement.PamrSettings",
        ),
        "none": Choice(
            "conta_core.refinement.none.NoRefinement",
            "conta_core.settings.refinement.NoRefinementSettings",
        ),
    },
)

#: segmentation.network -> a :class:`~conta_core.networks.segmenters.base.SegmentationNetwork`
SEGMENTATION_NETWORKS: Registry[Choice] = Registry(
    "segmentation.network",
    {
        "deeplab_v2": Choice(
            "conta_core.networks.segmenters.deeplab_v2.DeepLab",
            "conta_core.settings.segmentation.DeeplabV2Settings",
        ),
        "deeplab_v3plus": Choice(
            "conta_core.networks.segmenters.deeplab_v3plus.DeepLabV3Plus",
            "conta_core.settings.segmentation.DeeplabV3PlusSettings",
        ),
        "segformer": Choice(
            "conta_core.networks.segmenters.segformer.SegFormer",
            "conta_core.settings.segmentation.SegformerSettings",
        ),
    },
)
