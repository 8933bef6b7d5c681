"""The key `cam` with method imported: CAMs that another program made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from conta_core.settings.base import UserPath
from conta_core.settings.cam import METHOD, TrainedSeedSettings
from conta_core.settings.given import GivenFile

if TYPE_CHECKING:
    from conta_core.settings.experiment import Experiment

#: a store that a run of the same workflow may make
OF_A_RUN = re.compile(r"results/[^/]+/round-\d+/cam/cams\.h5")


class ImportedSettings(TrainedSeedSettings):
    """The CAMs of round 0 are read, and a classifier is trained for the later rounds."""

    method: Literal["imported"] = Field("imported", description=METHOD)
    source: UserPath | None = Field(
        None,
        description="CAMs of round 0: a folder with <image id>.npy, .npz, .pt or .png, or a "
        "cams.h5; needed",
    )

    extraction_keys: ClassVar[tuple[str, ...]] = ("scales", "source")

    def keys(self, stage: str, round_index: int) -> tuple[str, ...]:
        """The dotted config keys that a stage depends on; of extraction, those of the round."""
        found = super().keys(stage, round_index)
        other = "cam.source" if round_index else "cam.scales"
        return found if stage != "extract_cams" else tuple(key for key in found if key != other)

    def inputs(self, stage: str, round_index: int) -> dict[str, str]:
        """The files that a stage reads through the seed; no classifier makes round 0's CAMs."""
        found = super().inputs(stage, round_index)
        if round_index > 0:
            return found
        if stage == "extract_cams":
            # not before a folder is there, so that a plan can be seen
            missing = [file for file in self.given_files() if not file.is_there]
            return {} if missing else {"source": str(self.source)}
        # CAMs that are read tell no P(class)
        return {name: path for name, path in found.items() if name != "cams"}

    @property
    def is_made_by_a_run(self) -> bool:
        """Whether the source is a store that a run of the same workflow may make."""
        return OF_A_RUN.fullmatch(str(self.source)) is not None

    def given_files(self) -> Iterator[GivenFile]:
        """The source, unless a run makes it."""
        source = str(self.source)
        if not self.is_made_by_a_run:
            mend = "name a folder with the CAMs of each image, or a cams.h5"
            yield GivenFile("cam.source", source, mend, folder=not source.endswith(".h5"))

    def check(self, experiment: Experiment) -> None:
        """Refuse a run without a source; the training's own settings have none."""
        super().check(experiment)
        if self.source is None:
            raise ValueError(
                "cam.source is null; name the CAMs that other code made: a folder with "
                "<image id>.npy, .npz, .pt or .png, or a cams.h5"
            )
