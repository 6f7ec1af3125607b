"""What a benchmark hands back, and how it is printed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from rich import box
from rich.console import Console
from rich.table import Table

COLUMNS = ("measure", "ours", "beside it", "ratio", "goal", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One measure. `reached` is None where there is no goal: the line is for information."""

    measure: str
    ours: str
    beside: str = ""
    ratio: str = ""
    goal: str = ""
    reached: bool | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A benchmark's lines under its title, which says what is compared with what."""

    title: str
    lines: Sequence[Line]


def show(report: Report, seconds: float) -> None:
    """Print the report; `seconds` is what the benchmark took, its preparation included."""
    table = Table(*COLUMNS, title=f"{report.title}  ({seconds:.0f} s)", title_justify="left", box=box.SIMPLE)
    words = {None: "", True: "reached", False: "MISSED"}
    for line in report.lines:
        table.add_row(line.measure, line.ours, line.beside, line.ratio, line.goal, words[line.reached])
    Console(highlight=False, width=max(Console().width, 130)).print(table)


def timed(act: Callable[[], object]) -> float:
    """Seconds of wall time that `act` takes."""
    started = perf_counter()
    act()
    return perf_counter() - started


def side_by_side(
    rounds: int, ours: Callable[[], float], beside: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Both measures, taken in turns, so that a neighbour's noise falls on both."""
    pairs = [(ours(), beside()) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
