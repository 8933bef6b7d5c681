"""What stands in the json files of scores and in a summary.json, as far as readers count on it."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from conta_core.workflow.stages import SCORED

Percent = Annotated[float, Field(ge=0, le=100)] | None
#: FP / TP: as large as a list has pixels, at most
Ratio = Annotated[float, Field(ge=0, lt=2**53)] | None
Probability = Annotated[float, Field(ge=0, le=1)] | None
Count = Annotated[int, Field(ge=0, lt=2**53)]
#: as many as nobody trains
Round = Annotated[int, Field(ge=0, le=10_000)]
Stage = Annotated[str, Field(pattern=f"^({'|'.join(SCORED)})$")]
Split = Literal["train", "val"]
_OPEN = ConfigDict(extra="allow")


class Threshold(TypedDict):
    """The threshold of CAMs, and how it was chosen."""

    value: Annotated[float, Field(ge=0, le=1)]
    chosen: str


class Means(TypedDict):
    """The means over labels of an entry."""

    iou: Percent
    fpr: Percent
    fnr: Percent
    confusion_ratio: Ratio


class MeansOfLabels(TypedDict):
    """The means over all labels, and over those without the background."""

    all: Means
    foreground: Means


class PairSubset(TypedDict):
    """A class on the images with its companion, or on those without it."""

    images: Count
    iou: Percent
    fpr: Percent
    fnr: Percent


#: one of the biased pairs of an entry
PairEntry = TypedDict(
    "PairEntry",
    {
        "class": str,
        "companion": str,
        "share": Percent,
        "with_companion": PairSubset,
        "without_companion": PairSubset,
    },
)


@with_config(_OPEN)
class Entry(TypedDict):
    """The scores of one list."""

    list: NotRequired[str]
    ground_truth: NotRequired[str | None]
    images: Count
    miou: Percent
    accuracy: NotRequired[Percent]
    threshold: NotRequired[Threshold | None]
    iou: dict[str, Percent]
    fpr: NotRequired[dict[str, Percent]]
    fnr: NotRequired[dict[str, Percent]]
    confusion_ratio: NotRequired[dict[str, Ratio]]
    means: NotRequired[MeansOfLabels]
    pairs: NotRequired[list[PairEntry]]
    on_companions: NotRequired[dict[str, dict[str, Percent]]]
    curve: NotRequired[dict[str, Percent]]
    why: NotRequired[str]


class FarFalsePositives(TypedDict):
    """False positives far from objects, by what the ground shows."""

    own_context: Percent
    other_contexts: Percent


@with_config(_OPEN)
class SwapTest(TypedDict):
    """Mean P(class) on images without the class."""

    context_present: Probability
    context_absent: Probability


@with_config(_OPEN)
class Confounding(TypedDict):
    """The confounding diagnostics of one list."""

    far_false_positives: FarFalsePositives
    false_positives_on_own_context: Percent
    swap_test: NotRequired[SwapTest]


class ScoreRow(Entry):
    """An entry as a row of the summary."""

    round: Round
    stage: Stage
    split: Split


class ConfoundingRow(Confounding):
    """Diagnostics as a row of the summary."""

    round: Round
    stage: Stage
    split: Split


class Reliance(TypedDict):
    """Mean P(class) with the class's objects, without them, and of images without the tag."""

    images: Count
    before: Probability
    after: Probability
    absent: Probability


class RelianceRow(TypedDict):
    """The reliance of every class, and the mean over the classes that could be asked."""

    round: Round
    list: str
    images: Count
    classes: dict[str, Reliance]
    mean: Reliance


@with_config(_OPEN)
class RelianceFile(RelianceRow):
    """A reliance json."""

    run: str


class ListNote(TypedDict):
    """A list of the data set: its own name and how many images it has."""

    name: str
    images: Count


class ListNotes(TypedDict):
    """Both lists."""

    train: ListNote
    val: ListNote


@with_config(_OPEN)
class Scores(TypedDict):
    """A scores json."""

    run: str
    round: Round
    stage: Stage
    lists: dict[Split, Entry]
    confounding: NotRequired[dict[Split, Confounding]]


@with_config(_OPEN)
class Summary(TypedDict):
    """A summary.json."""

    run: str
    start_from: NotRequired[str]
    rounds: Round
    dataset: str
    ground_truth: str | None
    classes: list[str]
    lists: ListNotes
    scores: list[ScoreRow]
    confounding: list[ConfoundingRow]
    reliance: NotRequired[list[RelianceRow]]


SCORES = TypeAdapter(Scores)
RELIANCE = TypeAdapter(RelianceFile)
SUMMARY = TypeAdapter(Summary)
