"""Which nodes does a manifest bring into being? Seeds, then what the modules of nodes need, until nothing is new."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from controller.errors import Place, Problem
from controller.graph import lookup
from controller.graph.allowed import Spot, strings
from controller.graph.draft import Draft, Given
from controller.graph.report import Report
from controller.model.bundle import Context
from controller.model.catalog import Catalog, Module, Requirement
from controller.model.document import Json, Node, find, plain
from controller.model.graph import WORKLOAD, Coordinate
from controller.model.manifest import DEFAULT_CLASS, SCORE_WORKLOAD, Manifest, Resource

MOST_NODES = 100_000  # past this an expansion is stopped, though it might end by itself
LONGEST_ID = 1_000  # that modules make; by `@@` ids double from node to node

ModuleFor = Callable[[str, str, str], Module | None]


@dataclass(frozen=True, slots=True)
class Grown:
    """The nodes in order of coordinate, and the coordinates of the `shared` aliases. `is_cut`: there were too many."""

    drafts: Mapping[Coordinate, Draft]
    shared: Mapping[str, Coordinate]
    is_cut: bool = False


def grow(
    manifest: Manifest,
    catalog: Catalog,
    context: Context,
    module_for: ModuleFor,
    report: Report,
    broken: Collection[str] = frozenset(),
) -> Grown:
    """Every node with its named and anonymous edges, placeholders aside. Nodes of a `broken` type do not grow."""
    growth = _Growth(catalog, context, module_for, report, broken)
    growth.seed(manifest)
    growth.run()
    growth.copy_dependents()
    ordered = sorted(growth.drafts, key=lambda c: (c.type, c.class_, c.id))
    drafts = {coordinate: growth.drafts[coordinate] for coordinate in ordered}
    return Grown(drafts, growth.shared, len(drafts) > MOST_NODES)


@dataclass(frozen=True, slots=True)
class _Copy:
    """Whatever waits for `current` shall wait for `made` too."""

    current: Coordinate
    made: Coordinate
    place: Place


class _Growth:
    def __init__(
        self, catalog: Catalog, context: Context, module_for: ModuleFor, report: Report, broken: Collection[str]
    ) -> None:
        self.drafts: dict[Coordinate, Draft] = {}
        self.shared: dict[str, Coordinate] = {}
        self._catalog = catalog
        self._context = context
        self._module_for = module_for
        self._report = report
        self._broken = broken
        self._queue: deque[Draft] = deque()
        self._copies: list[_Copy] = []
        self._params: dict[Coordinate, str] = {}  # of each node, as the first one gave them
        self._rule_ids = tuple(
            sorted(
                {rule.resource_id for module in catalog.modules.values() for rule in module.rules if rule.resource_id}
            )
        )

    def seed(self, manifest: Manifest) -> None:
        for alias, resource in sorted(manifest.shared.items()):
            coordinate = Coordinate(resource.type, resource.class_, resource.id or f"shared.{alias}")
            self.shared[alias] = coordinate
            spelled = _spelled(manifest.document, ("shared", alias))
            asked = Draft(coordinate, resource.place, f"shared resource `{alias}`", spelled)
            self._ask(asked, _given(resource, asked.origin, None, Spot.SHARED))
        for name, workload in sorted(manifest.workloads.items()):
            at = Coordinate(WORKLOAD, DEFAULT_CLASS, name)
            draft = Draft(at, workload.place, f"workload `{name}`", outputs=workload.outputs)
            self.drafts[at] = draft
            for alias, resource in sorted(workload.resources.items()):
                coordinate = Coordinate(resource.type, resource.class_, resource.id or f"workloads.{name}.{alias}")
                draft.edges[alias] = coordinate
                spelled = _spelled(manifest.document, ("workloads", name, "resources", alias))
                asked = Draft(coordinate, resource.place, f"resource `{alias}` of workload `{name}`", spelled)
                given = _given(resource, asked.origin, at, Spot.RESOURCE)
                # Which type stands for workloads written in Score, the platform says, not their authors.
                (self._demand if alias == SCORE_WORKLOAD else self._ask)(asked, given)

    def run(self) -> None:
        while self._queue and not self._report.is_full:
            draft = self._queue.popleft()
            coordinate = draft.coordinate
            if coordinate.type in self._broken:
                continue
            if coordinate.type not in self._catalog.resource_types:
                place = draft.spelled.get("type", draft.place)
                self._report.of_node(draft, place, *lookup.unknown_type(coordinate.type, self._catalog))
                continue
            draft.module = self._module_for(coordinate.type, coordinate.class_, coordinate.id)
            if draft.module is None:
                place = draft.spelled.get("class", draft.place)
                self._report.of_node(draft, place, *lookup.no_module(coordinate, self._catalog, self._context))
                continue
            self._depend(draft, draft.module)
            self._coprovision(draft, draft.module)
            if len(self.drafts) > MOST_NODES:
                self._stop(draft)

    def copy_dependents(self) -> None:
        """Until nothing is new, for what waits for a node may itself have been made to wait by another copy."""
        if not self._copies:
            return
        waiting: dict[Coordinate, set[Coordinate]] = {}
        for coordinate, draft in self.drafts.items():
            for target in (*draft.edges.values(), *draft.anonymous):
                waiting.setdefault(target, set()).add(coordinate)
        # Of siblings that both take over the dependents, neither is one: they would wait for each other.
        copied: dict[Coordinate, set[Coordinate]] = {}
        for copy in self._copies:
            copied.setdefault(copy.current, set()).add(copy.made)
        again = True
        while again:
            again = False
            for copy in self._copies:
                now = waiting.setdefault(copy.made, set())
                new = waiting.get(copy.current, set()) - copied[copy.current] - now
                now |= new
                again = again or bool(new)
                for coordinate in new:
                    self.drafts[coordinate].anonymous.setdefault(copy.made, copy.place)

    def _depend(self, draft: Draft, module: Module) -> None:
        for alias, requirement in sorted(module.dependencies.items()):
            origin = f"dependency `{alias}` of `{draft.coordinate}`"
            target = self._require(draft, requirement, origin, Spot.DEPENDENCY)
            if target is not None:
                draft.edges[alias] = target

    def _coprovision(self, draft: Draft, module: Module) -> None:
        for index, requirement in enumerate(module.coprovisioned, 1):
            origin = f"co-provisioned resource {index} of `{draft.coordinate}`"
            target = self._require(draft, requirement, origin, Spot.COPROVISIONED)
            if target is None:
                continue
            if requirement.is_dependent_on_current:
                self.drafts[target].anonymous.setdefault(draft.coordinate, requirement.place)
            if requirement.copy_dependents_from_current:
                self._copies.append(_Copy(draft.coordinate, target, requirement.place))

    def _require(self, parent: Draft, requirement: Requirement, origin: str, spot: Spot) -> Coordinate | None:
        coordinate = _inherited(requirement, parent.coordinate)
        if len(coordinate.id) > LONGEST_ID:
            what = f"{origin} would have an id of {len(coordinate.id)} characters"
            remedy = "take an `@` away, or give it a fixed id"
            self._report.of_node(parent, requirement.place, what, remedy)
            return None
        inherits = requirement.id is None or "@" in requirement.id
        asked = Draft(coordinate, requirement.place, origin, parent=parent, inherits=inherits)
        if coordinate not in self.drafts and self._is_endless(asked):
            return None
        given = None
        if requirement.params is not None:
            given = Given(requirement.params, parent.coordinate, spot, asked.lineage)
        self._demand(asked, given)
        return coordinate if coordinate in self.drafts else None

    def _ask(self, asked: Draft, given: Given | None) -> None:
        """The manifest may ask for what is meant for developers; the rest comes by modules alone."""
        known = self._catalog.resource_types.get(asked.coordinate.type)
        if known is not None and not known.is_developer_accessible:
            self._report.of_node(
                asked, asked.spelled.get("type", asked.place), *lookup.inaccessible(known, self._catalog)
            )
        self._demand(asked, given)

    def _demand(self, asked: Draft, given: Given | None) -> None:
        """The node asked for comes into being, or joins the one that has the same coordinate."""
        if asked.coordinate.type == WORKLOAD:
            self._report.of_node(asked, asked.place, *lookup.unknown_type(WORKLOAD, self._catalog))
            return
        draft = self.drafts.get(asked.coordinate)
        if draft is None:
            draft = self.drafts[asked.coordinate] = asked
            self._queue.append(draft)
        if given is None or not given.params.entries:
            return
        if not draft.given:
            draft.given.append(given)
        elif self._first_params(draft) != _canonical(given.params):
            self._report.add([_conflict(asked, draft.given[0], given)])
        elif given.definer != draft.given[0].definer and any(True for _ in strings(given.params)):
            draft.given.append(given)  # the same words may mean something else there

    def _first_params(self, draft: Draft) -> str:
        if draft.coordinate not in self._params:
            self._params[draft.coordinate] = _canonical(draft.given[0].params)
        return self._params[draft.coordinate]

    def _is_endless(self, asked: Draft) -> bool:
        """Whether the steps that led from an ancestor to the new node would repeat for ever.

        They do if both are of one type and class, the id was made from the ancestor's and is another, and no rule
        names an id that could still come up (it would have the ancestor's id in it): then every later node gets the
        same module as the one before, with a longer id.
        """
        chain = [asked]
        if asked.parent is None or asked.parent.coordinate.id == asked.coordinate.id:
            return False
        while chain[-1].inherits and chain[-1].parent is not None:
            chain.append(chain[-1].parent)
            ancestor = chain[-1].coordinate
            if (ancestor.type, ancestor.class_) != (asked.coordinate.type, asked.coordinate.class_):
                continue
            if ancestor.id != asked.coordinate.id and not any(ancestor.id in named for named in self._rule_ids):
                self._report_endless(asked, chain)
                return True
        return False

    def _report_endless(self, asked: Draft, chain: list[Draft]) -> None:
        path = " → ".join(f"`{draft.coordinate}`" for draft in reversed(chain))
        what = f"modules keep making new resources: {path} → …"
        remedy = "give the one that makes the first again a fixed id, or a rule for another module"
        self._report.of_node(chain[-1], asked.place, what, remedy)

    def _stop(self, draft: Draft) -> None:
        chain = [draft]
        while chain[-1].parent is not None:
            chain.append(chain[-1].parent)
        path = " → ".join(f"`{link.coordinate}`" for link in reversed(chain))
        what = f"the graph has more than {MOST_NODES} nodes; the last one came by {path}"
        self._report.of_node(draft, draft.place, what, "let modules need fewer resources of their own")
        self._queue.clear()


def _spelled(document: Node, path: tuple[str, ...]) -> dict[str, Place]:
    found = {key: find(document, (*path, key)) for key in ("type", "class")}
    return {key: node.place for key, node in found.items() if node is not None}


def _given(resource: Resource, origin: str, definer: Coordinate | None, spot: Spot) -> Given | None:
    return None if resource.params is None else Given(resource.params, definer, spot, origin)


def _conflict(asked: Draft, first: Given, second: Given) -> Problem:
    return Problem(
        second.params.place,
        f"{second.origin} gives `{asked.coordinate}` other params than {first.origin} at {first.params.place}",
        "give both the same params, leave one of them out, or give one of the resources another id",
    )


def _inherited(requirement: Requirement, parent: Coordinate) -> Coordinate:
    """Where class or id say nothing, or `@`, they speak of the parent's."""
    class_ = DEFAULT_CLASS if requirement.class_ is None else requirement.class_.replace("@", parent.class_)
    id_ = parent.id if requirement.id is None else requirement.id.replace("@", parent.id)
    return Coordinate(requirement.type, class_, id_)


def _canonical(node: Node) -> str:
    # As text, because in Python 1 equals True.
    return json.dumps(_even(plain(node)), sort_keys=True)


def _even(value: Json) -> Json:
    """The value with whole numbers as such: `1.0` and `1` are one number to the engine."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _even(entry) for key, entry in value.items()}
    return [_even(item) for item in value] if isinstance(value, list) else value
