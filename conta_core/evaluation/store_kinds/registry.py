"""The kinds of store by name."""

from __future__ import annotations

from conta_core.evaluation.store_kinds.confounders import Confounders
from conta_core.evaluation.store_kinds.context import Context
from conta_core.evaluation.store_kinds.kind import StoreKind
from conta_core.evaluation.store_kinds.labels import IrLabels, Logits, PseudoMasks, TrainMasks
from conta_core.evaluation.store_kinds.maps import Cams, RefinedCams
from conta_core.evaluation.store_kinds.objects import Objects

#: each kind of store, and the folder of masks
KINDS: dict[str, StoreKind] = {
    "cams": Cams(),
    "labels": IrLabels(),
    "refined": RefinedCams(),
    "train_masks": TrainMasks(),
    "logits": Logits(),
    "objects": Objects(),
    "context": Context(),
    "confounders": Confounders(),
    "pseudo_masks": PseudoMasks(),
}
