"""The config contract: one module a key of config.yaml, and a settings class in it.

The defaults are the default experiment. ``config.yaml`` and
``schemas/config.schema.json`` are written from these classes by
``python -m conta_core.settings.render`` (a test fails when they differ).
"""

from __future__ import annotations

from conta_core.settings.base import Settings
from conta_core.settings.cam import CamSettings, SeedSettings
from conta_core.settings.comparison import ComparisonSettings, LevelSettings
from conta_core.settings.context import ContextSettings, InterventionSettings
from conta_core.settings.crf import CrfSettings, LabelCrfSettings
from conta_core.settings.dataset import DatasetSettings, ImageCounts, Lists
from conta_core.settings.experiment import Config, Experiment
from conta_core.settings.irn import IrnSettings
from conta_core.settings.pseudo_masks import PseudoMaskSettings
from conta_core.settings.refinement import IrnRefinementSettings, RefinementSettings
from conta_core.settings.segmentation import DeeplabV2Settings, SegmentationSettings
from conta_core.settings.training import BackboneSettings, FineTuningSettings, TrainingSettings

__all__ = [
    "BackboneSettings",
    "CamSettings",
    "ComparisonSettings",
    "Config",
    "ContextSettings",
    "CrfSettings",
    "DatasetSettings",
    "DeeplabV2Settings",
    "Experiment",
    "FineTuningSettings",
    "ImageCounts",
    "InterventionSettings",
    "IrnRefinementSettings",
    "IrnSettings",
    "LabelCrfSettings",
    "LevelSettings",
    "Lists",
    "PseudoMaskSettings",
    "RefinementSettings",
    "SeedSettings",
    "SegmentationSettings",
    "Settings",
    "TrainingSettings",
]
