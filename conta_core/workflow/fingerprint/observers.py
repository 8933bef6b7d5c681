"""What only observes, and so is no part of a fingerprint."""

from __future__ import annotations

PACKAGE = "conta_core"
#: What only observes, or only refuses: no result can change with it. Modules, definitions, and
#: methods or attributes of a class, which are left out of its subclasses too. A test replaces
#: each of them by nothing and sees the same bits.
OBSERVERS = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        # what the rules ask: the answers are compared as params and inputs
        "causal.methods.base.CausalMethod.has_stage",
        "causal.methods.base.CausalMethod.inputs",
        "causal.methods.base.CausalMethod.keys",
        "causal.methods.base.CausalMethod.stages",
        "settings.cam.SeedSettings.check",
        "settings.cam.SeedSettings.given_files",
        "settings.cam.SeedSettings.has_stage",
        "settings.cam.SeedSettings.inputs",
        "settings.cam.SeedSettings.keys",
        "settings.pseudo_masks.PseudoMaskSettings.check",
        "settings.pseudo_masks.PseudoMaskSettings.given_files",
        "settings.pseudo_masks.PseudoMaskSettings.has_stage",
        "settings.pseudo_masks.PseudoMaskSettings.imports",
        "settings.pseudo_masks.PseudoMaskSettings.inputs",
        "settings.pseudo_masks.PseudoMaskSettings.keys",
        "settings.refinement.RefinementSettings.has_stage",
        "settings.refinement.RefinementSettings.inputs",
        "errors",
        "runtime.jobs.job",
        "runtime.memory",
        "runtime.progress",
        "runtime.progress_bar",
        "training.previews",
        "training.training_log",
        "training.objective.Objective.preview",
        "training.objective.Objective.previewed",
        "workflow.fingerprint",
        "workflow.resume_key",
    )
)


def observes(dotted: str) -> bool:
    """Whether a name, or a module or class that it lies in, is one of :data:`OBSERVERS`."""
    parts = dotted.split(".")
    return any(".".join(parts[:end]) in OBSERVERS for end in range(1, len(parts) + 1))
