"""The table that ``conta status`` prints."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from conta_core.tools.status.run_status import RunStatus, StageStatus, State

#: state -> symbol, the same without anything but ASCII, colour
LOOKS = {
    State.DONE: ("✓", "+", "green"),
    State.RUNNING: ("▶", ">", "bold cyan"),
    State.WAITING: ("·", ".", "dim"),
    State.FAILED: ("✗", "x", "bold red"),
    State.STOPPED: ("■", "#", "yellow"),
    State.NOT_NEEDED: ("-", "-", "dim"),
}


def status_table(found: RunStatus, console: Console) -> RenderableType:
    """A run's stages by round, what is to be said of some below, and where that is known from."""
    ascii_only = console.options.ascii_only
    counts = [
        f"{found.count(state)} {state.value}"
        for state in (State.DONE, State.RUNNING, State.FAILED, State.STOPPED, State.WAITING)
        if found.count(state)
    ]
    parts: list[RenderableType] = [
        Text(f"{found.run}: of {found.needed} stages {', '.join(counts)}", style="bold")
    ]
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    table.add_column("", no_wrap=True)
    for index in range(found.rounds):
        table.add_column(f"round {index}", no_wrap=True)
    cells: dict[str, dict[int | None, Text]] = {}
    for stage in found.stages:
        if stage.round is not None or stage.state is not State.NOT_NEEDED:
            cells.setdefault(stage.stage, {})[stage.round] = _cell(stage, ascii_only)
    for name, row in cells.items():
        table.add_row(name, *(row.get(index, Text()) for index in (None, *range(found.rounds))))
    parts.append(table)
    for stage in found.stages:
        parts += _details(stage, ascii_only)
    parts.append(Text(_source(found), style="dim"))
    return Group(*parts)


def _look(state: State, ascii_only: bool) -> tuple[str, str]:
    """Symbol and style of a state."""
    symbol, plain, style = LOOKS[state]
    return plain if ascii_only else symbol, style


def _cell(stage: StageStatus, ascii_only: bool) -> Text:
    symbol, style = _look(stage.state, ascii_only)
    words = [symbol]
    if stage.state is not State.NOT_NEEDED:
        words.append(stage.state.value)
    if stage.parts:
        words.append(f"{stage.parts[0]} of {stage.parts[1]}")
    if stage.state is State.RUNNING and stage.progress:
        words.append(f"{100 * stage.progress.share:.0f} %")
    return Text(" ".join(words), style=style)


def _details(stage: StageStatus, ascii_only: bool) -> list[RenderableType]:
    """What is to be said of a stage below the table."""
    if stage.state not in (State.RUNNING, State.FAILED, State.STOPPED):
        return []
    symbol, style = _look(stage.state, ascii_only)
    name = stage.stage if stage.round is None else f"round {stage.round} {stage.stage}"
    said = [stage.error] if stage.error else []
    if stage.progress is not None and stage.state is State.RUNNING:
        said.append(_told(stage))
    elif stage.note:
        said.append(stage.note)
    lines: list[RenderableType] = [Text(f"{symbol} {name}: {'; '.join(said)}", style=style)]
    return lines if stage.log is None else [*lines, Text(f"  log: {stage.log}")]


def _told(stage: StageStatus) -> str:
    """The last line of progress, and the last line where it is another."""
    progress = stage.progress
    assert progress is not None
    words = [f"{progress.what}: {progress.done} of {progress.total} {progress.unit}"]
    if progress.rate is not None:
        words.append(f"{progress.rate:.1f}/s")
    if progress.left is not None:
        words.append(f"{progress.left} left")
    told = f"{', '.join(words)} ({_ago(progress.age)})"
    is_another = stage.note and not stage.note.startswith(words[0])
    return f"{told}; {stage.note}" if is_another else told


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago"


def _source(found: RunStatus) -> str:
    if found.rounds_from is None:
        rounds = "rounds that are there; --config RECIPE says how many there shall be"
    else:
        rounds = f"rounds by {found.rounds_from}"
    if found.start_from is not None:
        rounds += f"; data set and round 0 are those of {found.start_from}"
    return f"{rounds}; what is stale: snakemake -n tells"
