"""What do the placeholders of a node yield? Literal text, and references to other nodes, which it then waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from controller.errors import Place, problem
from controller.graph.draft import Draft, Given
from controller.graph.growth import Grown
from controller.graph.placeholders import (
    ContextKey,
    OfResource,
    OfSelf,
    OfShared,
    RunnerVariable,
    Selection,
    TextPart,
    joined,
    parse,
)
from controller.graph.report import Report
from controller.graph.selectors import Neighbours
from controller.model.bundle import Context
from controller.model.document import Node
from controller.model.graph import Coordinate, Output, Outputs, Part, Template, Value, Variable

MOST_TEXT = 64 * 2**20  # characters; a module of a page, used ten thousand times, has less
_REFERENCE = 80  # about as many as the engine reads in place of a placeholder
MOST_SELECTED = 1_000_000  # outputs; a thousand resources that each know of all the others have as many

References = dict[str, Output | Outputs]  # by the text of the placeholder


class Resolver:
    """Resolves texts of nodes. Those at the places `told` have been complained about and yield nothing."""

    def __init__(self, grown: Grown, context: Context, report: Report, told: Collection[Place | str]) -> None:
        self._grown = grown
        self._context = context
        self._report = report
        self._told = told
        self._outputs: dict[Coordinate, dict[str, Value]] = {}
        self._parsed: dict[str, tuple[TextPart, ...]] = {}
        self._spent = 0
        self._selected = 0

    def outputs(self, draft: Draft) -> Mapping[str, Value]:
        """The outputs of a workload."""
        if draft.coordinate not in self._outputs:
            resolved = {name: self.value(node, draft, draft) for name, node in sorted(draft.outputs.items())}
            self._outputs[draft.coordinate] = resolved
        return self._outputs[draft.coordinate]

    def params(self, draft: Draft) -> Mapping[str, Value]:
        """The params of a node, nulls left out; all who gave them must mean the same."""
        if not draft.given:
            return {}
        first, *others = draft.given
        params = self._given(first, draft)
        for other in others:
            if self._given(other, draft) != params:
                what = (
                    f"{other.origin} gives `{draft.coordinate}` the same params in words as {first.origin} at "
                    f"{first.params.place}, but their placeholders mean other resources"
                )
                remedy = "give one of the resources another id, or leave the params out of one"
                self._report.of_node(draft, other.params.place, what, remedy)
        return params

    def inputs(self, draft: Draft) -> Mapping[str, Value]:
        """What the module always passes, nulls left out."""
        return {} if draft.module is None else self.entries(draft.module.inputs, draft, draft)

    def entries(
        self, entries: Mapping[str, Node], at: Draft, definer: Draft, references: References | None = None
    ) -> dict[str, Value]:
        """The entries of a map by name, those that are null left out."""
        return {
            name: self.value(node, at, definer, references)
            for name, node in sorted(entries.items())
            if node.value is not None
        }

    def value(self, node: Node, at: Draft, definer: Draft, references: References | None = None) -> Value:
        """The value that node `at` receives; its aliases and `self` are those of `definer`."""
        if isinstance(node.value, str):
            if "$" not in node.value or node.place in self._told:
                self._spend(len(node.value), node.place)
                return node.value
            return self._text(node.value, node.place, at, definer, references)
        if isinstance(node.value, Mapping):
            return {key: self.value(entry, at, definer, references) for key, entry in node.value.items()}
        if isinstance(node.value, tuple):
            return [self.value(item, at, definer, references) for item in node.value]
        return node.value

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self._grown)

    def _given(self, given: Given, draft: Draft) -> dict[str, Value]:
        definer = draft if given.definer is None else self._grown.drafts[given.definer]
        return self.entries(given.params.entries, draft, definer)

    def _text(self, text: str, place: Place, at: Draft, definer: Draft, references: References | None) -> Value:
        parts: list[Part] = []
        for part in self._parts(text):
            for given in self._yield(part, place, at, definer):
                parts.append(given)
                self._spend(len(given) if isinstance(given, str) else _REFERENCE, place)
                if not isinstance(given, str | Variable):
                    self._note(given, part, place, at, references)
        if all(isinstance(part, str) for part in parts):
            return "".join(str(part) for part in parts)
        return Template(tuple(joined(parts)))

    def _spend(self, length: int, place: Place) -> None:
        self._spent += 1 + length
        if self._spent > MOST_TEXT:
            what = f"all texts of the graph together have more than {MOST_TEXT // 2**20} MiB here"
            raise problem(place, what, "let resources and modules pass less text")

    def _parts(self, text: str) -> tuple[TextPart, ...]:
        if text not in self._parsed:
            self._parsed[text] = parse(text)
        return self._parsed[text]

    def _yield(self, part: TextPart, place: Place, at: Draft, definer: Draft) -> tuple[Part, ...]:
        match part:
            case str():
                return (part,)
            case ContextKey():
                return self._of_context(part, place, at)
            case RunnerVariable():
                return (Variable(part.name),)
            case OfResource():
                return self._output(definer.edges.get(part.alias), part.path)
            case OfShared():
                return self._output(self._grown.shared.get(part.alias), part.path)
            case OfSelf():
                return self._of_self(part, place, at, definer)
            case Selection():
                return (self._selection(part, place, definer),)

    def _of_context(self, part: ContextKey, place: Place, at: Draft) -> tuple[Part, ...]:
        node, context = at.coordinate, self._context
        value = {
            "res_type": node.type,
            "res_class": node.class_,
            "res_id": node.id,
            "project_id": context.project_id,
            "env_id": context.env_id,
            "env_type_id": context.env_type_id,
            "org_id": context.org_id,
        }[part.key]
        if value is None:
            what = f"`{part.text}`: this repository names no organization"
            self._report.of_node(at, place, what, "add `organization: ID` to `lockstep.yaml`")
            return ()
        return (value,)

    def _of_self(self, part: OfSelf, place: Place, at: Draft, definer: Draft) -> tuple[Part, ...]:
        if definer.module is not None:
            return self._output(definer.coordinate, part.path)
        # A workload: nothing can refer to its outputs, so what they say is said here.
        key, *below = part.path
        value = self.outputs(definer).get(key)
        parts = value.parts if isinstance(value, Template) else () if value is None else (str(value),)
        if not below or not parts:
            return parts
        if len(parts) == 1 and isinstance(parts[0], Output):
            return (Output(parts[0].node, (*parts[0].path, *below)),)
        what = f"`{part.text}`: output `{key}` of the workload is a text and has no key `{below[0]}`"
        self._report.of_node(at, place, what, f"write `${{self.outputs.{key}}}`")
        return ()

    def _selection(self, part: Selection, place: Place, definer: Draft) -> Outputs:
        nodes = self._neighbours.select(definer.coordinate, part.hops)
        self._selected += len(nodes)
        if self._selected > MOST_SELECTED:
            what = f"`{part.text}`: all selections of the graph together have more than {MOST_SELECTED:,} outputs here"
            raise problem(place, what, "let fewer resources select, or select fewer of them")
        return Outputs(nodes, part.path)

    def _output(self, node: Coordinate | None, path: tuple[str, ...]) -> tuple[Part, ...]:
        return () if node is None else (Output(node, path),)

    def _note(
        self, given: Output | Outputs, part: TextPart, place: Place, at: Draft, references: References | None
    ) -> None:
        """Remember that `at` waits for what it refers to."""
        for node in given.nodes if isinstance(given, Outputs) else (given.node,):
            at.waits.setdefault(node, place)
        if references is not None and not isinstance(part, str):
            references[part.text] = given
