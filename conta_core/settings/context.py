"""The key `context`: the causal step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, NonNegative, Positive, Range, Settings, check_range


class InterventionSettings(Settings):
    """Training images that the networks of method intervention see beside the real ones."""

    recombined: Fraction = Field(
        0.4,
        description="share of the classifier's views that become objects in another image's "
        "context",
    )
    counterfactual: Fraction = Field(
        0.2,
        description="share of the classifier's views that become their context without its objects",
    )
    segmentation_recombined: Fraction = Field(
        0.4,
        description="share of the segmentation model's views that become objects in another "
        "image's context; 0: it sees real images alone",
    )
    object_masks: Literal["pseudo_masks", "truth"] = Field(
        "pseudo_masks",
        description="where objects lie: pseudo-masks (for the classifier the round before's, for "
        "the segmentation model the round's own), or ground truth",
    )
    threshold: Literal["same_area", "fixed"] = Field(
        "same_area",
        description="of the pseudo-masks from round 1 on. same_area: the one at which the objects "
        "that can be trusted in round 0 are as large, in all, as there; fixed: "
        "pseudo_masks.background_threshold",
    )
    backgrounds: Literal["other", "own"] = Field(
        "other", description="objects go into another image's context, or (an ablation) their own"
    )
    area_filter: Range | None = Field(
        (0.3, 3.0),
        description="least and greatest area of an object that is trusted, over the median of its "
        "class or of all objects, whichever is smaller; null: every object",
    )
    ownership: Literal["checked", "ignored"] = Field(
        "checked",
        description="an object whose removal costs another of the image's tags more score than its "
        "own is that tag's. checked: it is not recombined; ignored (an ablation): it is",
    )
    balance: Literal["none", "propensity"] = Field(
        "none",
        description="how the loss of each tag counts in views that are left as they are. "
        "propensity: by P(tag) / P(tag | context), which undoes that some contexts have the tag "
        "more often; none: 1",
    )

    @property
    def checks_ownership(self) -> bool:
        """Whether it is checked whose the objects are; ground truth needs no check."""
        return self.object_masks != "truth" and self.ownership == "checked"

    @property
    def balances(self) -> bool:
        """Whether tags count by their probability in the image's context."""
        return self.balance == "propensity"

    @property
    def measures_for_classifier(self) -> bool:
        """Whether the next classifier needs what was measured of a round's objects."""
        return self.balances or self.checks_ownership

    @property
    def measures_for_segmentation(self) -> bool:
        """Whether the round's own segmentation model needs it."""
        return self.segmentation_recombined > 0 and self.checks_ownership

    @model_validator(mode="after")
    def _shares(self) -> InterventionSettings:
        if self.recombined + self.counterfactual > 1:
            raise ValueError(
                f"recombined is {self.recombined} and counterfactual {self.counterfactual}; "
                "together they must not exceed 1"
            )
        if self.area_filter is not None:
            check_range("area_filter", self.area_filter)
        return self


class ContextSettings(Settings):
    """What the next round's classifier gets from this one (CONTA, section 3.3)."""

    method: Literal["conta", "intervention", "none"] = Field(
        "intervention",
        description="what a round takes from the one before. conta: M goes into the classifier, as "
        "in the paper; intervention: its objects are recombined with other contexts, which is not "
        "CONTA's (the default by docs/evidence.md); none: control",
    )
    classifier_init: Literal["cam_weights", "segmentation_model"] = Field(
        "cam_weights",
        description="where the backbone of the next classifier begins, of any method: cam.weights, "
        "or the round's segmentation model, as CONTA's authors answer users",
    )
    block: Literal[2, 3, 4, 5, "all"] = Field(
        5, description="M is concatenated to the input of this backbone block (the paper's Block-n)"
    )
    size: tuple[Positive, Positive] = Field((16, 16), description="height and width of masks and M")
    source: Literal["segmentation", "pseudo_masks"] = Field(
        "segmentation", description="masks that the confounder set averages"
    )
    background: bool = Field(
        False,
        description="whether the confounder set has the background before the classes, of all "
        "images",
    )
    oracle_masks: bool = Field(
        False,
        description="an upper bound: the confounder set and X_m come from ground truth, in place "
        "of source and of the round's predictions",
    )
    prior: Literal["uniform", "empirical"] = Field(
        "uniform",
        description="P(c): 1/n as in the paper, or the share of images of each class; of an "
        "intervention, how the class of an object is drawn",
    )
    scaling: Literal["standardise", "none"] = Field(
        "standardise",
        description="M less its mean map over its deviation, or as the equation gives it",
    )
    learning: Literal["tags", "classifier"] = Field(
        "tags",
        description="what W1 and W2 learn by: the tags, before M is made; or the loss of the next "
        "classifier, inside which M is then made",
    )
    steps: Annotated[int, Field(ge=0)] = Field(
        300, description="learning tags: steps of W1 and W2; 0 leaves them random"
    )
    learning_rate: NonNegative = Field(0.01, description="learning tags: of W1 and W2 (Adam)")
    maps: Literal["sum", "classes", "shape"] = Field(
        "sum",
        description="the classifier reads M, the sum over the classes as in the paper; each "
        "class's summand as a channel of its own; or the mere shape of the image's own mask",
    )
    assignment: Literal["own", "shuffled"] = Field(
        "own",
        description="each image has its own M, or (a placebo) that of another image of its list",
    )
    intervention: InterventionSettings = Field(
        default_factory=InterventionSettings, description="of method intervention"
    )

    @model_validator(mode="after")
    def _learning(self) -> ContextSettings:
        plain = {"maps": "sum", "assignment": "own", "oracle_masks": False}
        other = [key for key, value in plain.items() if getattr(self, key) != value]
        if self.learning == "classifier" and other:
            raise ValueError(
                f"learning is classifier, and {other[0]} {_plain(getattr(self, other[0]))}; a "
                f"classifier that makes M itself knows {other[0]}: {_plain(plain[other[0]])} alone"
            )
        return self


def _plain(value: object) -> str:
    """As YAML writes it."""
    return str(value).lower()
