"""How is something measured on a machine that does other things too? Several times, in turns, the middle one counts."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `against`: what a person would do instead, where there is such a thing."""

    name: str
    value: str
    against: str = ""
    ratio: float | None = None
    bound: str = ""
    holds: bool | None = None  # None: the design sets no bound


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def computing(act: Callable[[], object]) -> float:
    """Seconds of this process on a processor: of what waits for nothing, and shares the machine."""
    began = time.process_time()
    act()
    return time.process_time() - began


def in_turns(repetitions: int, acts: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The middle of what each act returns; they take turns, so that what slows the machine slows all of them."""
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(repetitions):
        for name, act in acts.items():
            found[name].append(act())
            say(".")
    return {name: statistics.median(values) for name, values in found.items()}


def ratio(name: str, value: float, what: str, against: float, bound: float) -> Figure:
    found = value / against
    return Figure(name, shown(value), f"{what} {shown(against)}", found, f"≤ {bound}", found <= bound)


def shown(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def say(text: str) -> None:
    """How far it is, for whoever waits; never part of the table."""
    sys.stderr.write(text)
    sys.stderr.flush()


def table(figures: list[Figure]) -> str:
    head = ("figure", "measured", "against", "ratio", "bound", "")
    rows = [head, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(max(lines, key=len)), *lines[1:]])


def _cells(figure: Figure) -> tuple[str, ...]:
    found = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    mark = {True: "holds", False: "DOES NOT HOLD", None: ""}[figure.holds]
    return (figure.name, figure.value, figure.against, found, figure.bound, mark)
