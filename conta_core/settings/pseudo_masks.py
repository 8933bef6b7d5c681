"""The key `pseudo_masks`: refined CAMs to pseudo-masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, Settings, UserPath
from conta_core.settings.crf import LabelCrfSettings
from conta_core.settings.given import GivenFile

if TYPE_CHECKING:
    from conta_core.settings.experiment import Experiment

#: the stages of a round that end in refined CAMs
BEFORE = (
    "extract_cams",
    "evaluate_cams",
    "make_irn_labels",
    "train_irn",
    "refine_cams",
    "evaluate_refined",
)


class PseudoMaskSettings(Settings):
    """Refined CAMs to pseudo-masks."""

    background_threshold: Fraction = Field(
        0.5, description="background wins where every refined CAM is below it"
    )
    crf: bool = Field(True, description="sharpen each pseudo-mask with a dense CRF")
    label_crf: LabelCrfSettings = Field(
        default_factory=LabelCrfSettings, description="that CRF's values"
    )
    ignore_below: Fraction | None = Field(
        None,
        description="pixels whose label has less probability after that CRF are 255, and teach "
        "nothing (CLIP-ES: 0.95); null: none are",
    )

    imported: UserPath | None = Field(
        None,
        description="pseudo-masks of round 0 that other code made, a folder with <image id>.png; "
        "null: they are made of refined CAMs",
    )

    def imports(self, round_index: int) -> bool:
        """Whether a round's pseudo-masks are read."""
        return self.imported is not None and round_index == 0

    def keys(self, stage: str, round_index: int) -> tuple[str, ...]:
        """The dotted config keys that a stage depends on: where masks are read, the folder."""
        if stage != "make_pseudo_masks":
            return ()
        read = self.imports(round_index)
        return tuple(
            f"pseudo_masks.{key}" for key in type(self).model_fields if (key == "imported") == read
        )

    def inputs(self, stage: str, round_index: int) -> dict[str, str]:
        """The files that masks are made of: name -> path with ``{run}``."""
        if stage != "make_pseudo_masks":
            return {}
        if not self.imports(round_index):
            return {"refined": f"results/{{run}}/round-{round_index}/irn/refined.h5"}
        # not before the folder is there, so that a plan can be seen
        return {
            file.key.partition(".")[2]: file.path for file in self.given_files() if file.is_there
        }

    def has_stage(self, stage: str, round_index: int) -> bool:
        """Whether a round has a stage, as far as the pseudo-masks are concerned."""
        return not (self.imports(round_index) and stage in BEFORE)

    def given_files(self) -> Iterator[GivenFile]:
        """The folder of masks."""
        if self.imported is not None:
            mend = "name a folder with a mask for each training image"
            yield GivenFile("pseudo_masks.imported", self.imported, mend, folder=True)

    def check(self, experiment: Experiment) -> None:
        """Refuse what needs the CAMs of round 0.

        Raises:
            ValueError: the key, what it is, and what goes with masks that are read.
        """
        if self.imported is None:
            return
        context, begins = experiment.context, f"pseudo_masks.imported is {self.imported!r}, so "
        by_area = context.method == "intervention" and context.intervention.threshold != "fixed"
        if by_area and experiment.rounds > 1:
            raise ValueError(
                f"{begins}round 0 has no refined CAMs, but context.intervention.threshold is "
                f"{context.intervention.threshold}, which measures its objects on them; give "
                "context: {intervention: {threshold: fixed}}"
            )
        if experiment.cam.method == "imported":
            raise ValueError(
                f"{begins}round 0 reads no CAMs, but cam.method is imported; give one of the two"
            )

    @model_validator(mode="after")
    def _ignored(self) -> PseudoMaskSettings:
        if self.ignore_below is not None and not self.crf:
            raise ValueError(
                f"ignore_below is {self.ignore_below} and crf false; the probability is that of "
                "the CRF: give crf: true, or ignore_below: null"
            )
        return self
