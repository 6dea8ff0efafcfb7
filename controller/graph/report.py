"""How are problems of many nodes told without saying the same thing a thousand times?"""

from __future__ import annotations

from collections.abc import Iterable

from controller.errors import MOST, ManifestError, Place, Problem
from controller.graph.draft import Draft


class Report:
    """Collects problems; the same problem of several nodes is told once, for the first of them."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._of_nodes: dict[Problem, list[Draft]] = {}

    def add(self, problems: Iterable[Problem]) -> None:
        self._problems.extend(problems)

    @property
    def is_full(self) -> bool:
        """Whether so many nodes have problems that the rest can wait."""
        return len(self._of_nodes) >= MOST

    def of_node(self, draft: Draft, where: Place, what: str, remedy: str) -> None:
        """A problem that a node has; the text will say which node, and what brought it into being."""
        problem = Problem(where, what, remedy)
        if problem in self._of_nodes or not self.is_full:
            self._of_nodes.setdefault(problem, []).append(draft)

    def problems(self) -> tuple[Problem, ...]:
        """All of them, each once, in order of place."""
        told = [_told(problem, drafts) for problem, drafts in self._of_nodes.items()]
        return ManifestError([*self._problems, *told]).problems


def _told(problem: Problem, drafts: list[Draft]) -> Problem:
    first = min(drafts, key=lambda draft: draft.coordinate)
    others = len({draft.coordinate for draft in drafts}) - 1
    more = "" if not others else " and 1 more" if others == 1 else f" and {others} more"
    lineage = first.lineage.removesuffix(f" at {problem.where}")
    about = f"`{first.coordinate}`, {lineage}{more}"
    return Problem(problem.where, f"{problem.what} (for {about})", problem.remedy)
