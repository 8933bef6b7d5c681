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
    Cams.name: Cams(),
    IrLabels.name: IrLabels(),
    RefinedCams.name: RefinedCams(),
    TrainMasks.name: TrainMasks(),
    Logits.name: Logits(),
    Objects.name: Objects(),
    Context.name: Context(),
    Confounders.name: Confounders(),
    PseudoMasks.name: PseudoMasks(),
}
