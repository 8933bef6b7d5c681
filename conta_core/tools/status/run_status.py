"""Every stage of a run, and whether it is done, runs, waits, failed or was stopped.

From files alone: outputs, which appear whole or not at all; logs; kept states; Snakemake's
notes. Whether something that is done is stale (by a changed key, code or input) cannot be
known from them: ``snakemake -n`` tells.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from conta_core.settings import Experiment
from conta_core.tools.status.job_log import JobLog, Progress, read_log
from conta_core.tools.status.snakemake_notes import SnakemakeNotes
from conta_core.workflow.base_run import read_start
from conta_core.workflow.stages import BY_NAME, BY_OUTPUT, STAGES, Stage

#: seconds without a line after which a job that no Snakemake watches counts as stopped: jobs
#: write a line a minute
SILENCE = 180.0
#: seconds by which clocks of file systems may differ
SLACK = 2.0
PART_NAME = re.compile(r"\.?(\d+)-of-(\d+)(?:\.unfinished|\.log)?")
TERMINATED = "SIGTERM came"
SILENT = "silent for {:.0f} min: if nothing is at work here, snakemake --unlock says so"
KILLED = "ended without an error of its own in its log: killed, perhaps for want of memory"


class State(StrEnum):
    """What is known of a stage."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True)
class StageStatus:
    """One stage in one round.

    Attributes:
        stage: name of its rule.
        round: None: the stage is of the whole run.
        state: what is known of it.
        output: path of what it makes.
        log: path of its log, of the part that tells most; None: none is there.
        parts: how many parts of its store are made, of how many; None: it has one.
        progress: of a running job.
        note: what else is known, in words.
        error: first line of a failed job's error.
    """

    stage: str
    round: int | None
    state: State
    output: str
    log: str | None = None
    parts: tuple[int, int] | None = None
    progress: Progress | None = None
    note: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class RunStatus:
    """All stages of a run.

    Attributes:
        run: its name.
        directory: the working directory.
        rounds: how many it has, or shall have.
        rounds_from: the config that says so; None: no config, they are those that are there.
        start_from: the run whose data set and round 0 it goes on from; None: its own.
        stages: in order, round by round.
    """

    run: str
    directory: str
    rounds: int
    rounds_from: str | None
    start_from: str | None
    stages: tuple[StageStatus, ...]

    def count(self, state: State) -> int:
        """How many stages are in a state."""
        return Counter(stage.state for stage in self.stages)[state]

    @property
    def needed(self) -> int:
        """How many stages the run has."""
        return len(self.stages) - self.count(State.NOT_NEEDED)

    @property
    def is_over(self) -> bool:
        """Whether all of them are done."""
        return self.count(State.DONE) == self.needed

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        counts = {state.value: self.count(state) for state in State}
        return {**asdict(self), "counts": counts}


def read_status(
    directory: Path, run: str, experiment: Experiment | None, config: str | None = None
) -> RunStatus:
    """Look at the files of a run.

    Args:
        directory: the working directory, with results/ and logs/ in it.
        run: name of the run.
        experiment: what it shall be; None: rounds are those that are there, and stages that
            not every run has are shown where there is something of them.
        config: names where the experiment stands.
    """
    start_from = experiment.start_from if experiment else read_start(directory / "results" / run)
    rounds = experiment.rounds if experiment else _rounds_there(directory, run, start_from)
    looker = _Looker(directory, run, start_from, experiment)
    first = [stage for stage in STAGES if not stage.by_round and stage.name != "summarise"]
    of_round = [stage for stage in STAGES if stage.by_round]
    wanted: list[tuple[Stage, int | None]] = [(stage, None) for stage in first]
    wanted += [(stage, index) for index in range(rounds) for stage in of_round]
    wanted.append((STAGES[-1], None))
    stages = tuple(looker.look(stage, index) for stage, index in wanted)
    told = config if experiment else None
    return RunStatus(run, str(directory), rounds, told, start_from, stages)


def _rounds_there(directory: Path, run: str, start_from: str | None) -> int:
    found = [*directory.glob(f"results/{run}/round-*"), *directory.glob(f"logs/*/{run}/round-*")]
    numbers = [re.fullmatch(r"round-(\d+)(\.log)?", path.name) for path in found]
    least = 0 if start_from is None else 1
    return max((int(match[1]) + 1 for match in numbers if match), default=least)


class _Looker:
    """Looks at one stage after the other."""

    def __init__(
        self, directory: Path, run: str, start_from: str | None, experiment: Experiment | None
    ) -> None:
        self._directory, self._run, self._experiment = directory, run, experiment
        self._start_from = start_from
        self._notes = SnakemakeNotes(directory)

    def look(self, stage: Stage, index: int | None) -> StageStatus:
        run = stage.owner(self._run, index, self._start_from)
        output, log = stage.path(run, index), stage.log(run, index)
        if (self._directory / output).exists():
            there = (self._directory / log).is_file()
            return StageStatus(stage.name, index, State.DONE, output, log if there else None)
        if self._experiment is not None and not stage.is_needed(index, self._experiment):
            return StageStatus(stage.name, index, State.NOT_NEEDED, output)
        found = self._job(stage, run, index, output, log)
        if stage.gathered_by is not None and found.state is State.WAITING:
            found = self._parts(stage, run, index, found)
        if self._experiment is None and found.log is None and self._may_lack(stage, run, index):
            return StageStatus(stage.name, index, State.NOT_NEEDED, output, note="not known")
        return found

    def _may_lack(self, stage: Stage, run: str, index: int | None) -> bool:
        """Whether a run may do without a stage of which nothing is there, as its files tell."""

        def is_there(other: Stage) -> bool:
            return (self._directory / other.path(run, index)).exists()

        if stage.serves is not None:
            served = BY_NAME[stage.serves]
            return is_there(served) or self._may_lack(served, run, index)
        read = [BY_OUTPUT[path] for path in stage.inputs.values() if path in BY_OUTPUT]
        lacks = [one for one in read if one.serves is not None and not is_there(one)]
        return stage.depends_on_config or any(self._may_lack(one, run, index) for one in lacks)

    def _job(
        self, stage: Stage, run: str, index: int | None, output: str, log_path: str
    ) -> StageStatus:
        """A job by its mark, its log, its kept state and what Snakemake says of it."""
        log, mark = read_log(self._directory, log_path), self._notes.mark(output)

        def found(state: State, **more: Any) -> StageStatus:
            return StageStatus(
                stage.name, index, state, output, log_path if log is not None else None, **more
            )

        if mark is not None and (log is None or log.written < mark.since - SLACK):
            log = None  # of an earlier start
            if not self._notes.locked:
                return found(State.STOPPED, note="started, but no Snakemake is at work")
            where = f"cluster job {mark.job}, " if mark.job else ""
            return found(State.RUNNING, note=f"{where}no line in its log yet")
        if log is not None and log.error is not None:
            return found(State.FAILED, error=log.error, note=_since(log))
        if log is not None and mark is not None and TERMINATED not in log.last:
            silence = time.time() - log.written
            if silence < SILENCE:
                return found(State.RUNNING, progress=log.progress, note=log.last or None)
            if self._notes.locked:
                return found(State.RUNNING, progress=log.progress, note=SILENT.format(silence / 60))
            return found(State.STOPPED, note=self._kept(stage, run, index, output) or _since(log))
        if (kept := self._kept(stage, run, index, output)) is not None:
            return found(State.STOPPED, note=kept)
        if (told := self._notes.failed.get(output)) is not None:
            return found(State.FAILED, error=KILLED, note=f"see {told}")
        return found(State.WAITING)

    def _kept(self, stage: Stage, run: str, index: int | None, output: str) -> str | None:
        """What a killed job left, from which the next goes on."""
        path = Path(output)
        unfinished = path.with_name(f".{path.name}.unfinished")
        if (self._directory / unfinished).is_file():
            return "its images are kept, and it goes on from them"
        if (self._directory / stage.checkpoint(run, index)).is_file():
            return "its state is kept, and it goes on from it"
        return None

    def _parts(
        self, stage: Stage, run: str, index: int | None, gathering: StageStatus
    ) -> StageStatus:
        """The parts of a store that is not gathered, as one."""
        folder = self._directory / stage.part(run, index, "")
        logs = self._directory / stage.log(run, index, "x")
        names = [path.name for place in (folder, logs.parent) for path in place.glob("*-of-*")]
        names += [path.name for path in folder.glob(".*-of-*")]
        counts = {int(match[2]) for name in names if (match := PART_NAME.fullmatch(name))}
        count = self._experiment.shards if self._experiment else max(counts, default=1)
        parts = [f"{number}-of-{count}" for number in range(1, count + 1)]
        done = sum((folder / part).is_file() for part in parts)
        jobs = [
            self._job(stage, run, index, stage.part(run, index, part), stage.log(run, index, part))
            for part in parts
            if not (folder / part).is_file()
        ]
        for state in (State.FAILED, State.RUNNING, State.STOPPED):
            several = [job for job in jobs if job.state is state]
            if several:
                break
        else:
            several, state = [gathering], State.WAITING
        return StageStatus(
            stage.name,
            index,
            state,
            gathering.output,
            several[0].log,
            (done, count) if count > 1 else None,
            _together([job.progress for job in several]),
            several[0].note,
            several[0].error,
        )


def _together(several: list[Progress | None]) -> Progress | None:
    """The progress of parts that run at once, as that of the slowest with the images of all."""
    told = [progress for progress in several if progress is not None]
    if len(told) < 2:
        return told[0] if told else None
    slowest = min(told, key=lambda progress: progress.share)
    rates = [progress.rate for progress in told if progress.rate is not None]
    return Progress(
        slowest.what,
        sum(progress.done for progress in told),
        sum(progress.total for progress in told),
        slowest.unit,
        sum(rates) if rates else None,
        slowest.left,
        max(progress.age for progress in told),
    )


def _since(log: JobLog) -> str:
    return f"its log was written last at {time.strftime('%F %T', time.localtime(log.written))}"
