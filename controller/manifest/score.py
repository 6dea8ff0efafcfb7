"""What does a Score file become in a manifest? A workload whose resource `score-workload` holds the containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from controller.errors import MOST, ManifestError, Place, Problem
from controller.manifest import schema, score_document, score_files, score_order, score_placeholders
from controller.manifest.score_placeholders import Mistake, Scope
from controller.model.document import Node
from controller.model.manifest import SCORE_WORKLOAD
from controller.model.tree import Tree

WORKLOAD_ALIAS = SCORE_WORKLOAD
SHARED_PREFIX = "shared."

# Keys that mean the same when empty as when they are not there.
_OMITTED_EMPTY = frozenset({"command", "args", "variables", "files", "volumes", "before", "httpHeaders", "ports"})


class Converted(NamedTuple):
    """A workload: its name, its entry in a manifest, warnings, and which containers left their image open.

    Not whole where more than names of keys had to be mended.
    """

    name: str
    entry: Node
    warnings: tuple[str, ...]
    open_images: tuple[str, ...]
    is_whole: bool


def convert(tree: Tree, path: str, node: Node, overrides: Node | None, images: Mapping[str, str]) -> Converted:
    """The workload of the Score file at `path`, patched by `overrides`; `images` stand for `image: .`."""
    found, problems = attempt(tree, path, node, overrides, images)
    if found is None or problems:
        raise ManifestError(problems)
    return found


def attempt(
    tree: Tree,
    path: str,
    node: Node,
    overrides: Node | None,
    images: Mapping[str, str] | None,
    *,
    images_at: str = "environment.yaml",
) -> tuple[Converted | None, list[Problem]]:
    """As `convert`, with all problems beside what could be made of the rest. Without `images` they are not known.

    `images_at`: the file that is told to give those that lack.
    """
    read = score_document.read(node, overrides)
    if read.document is None:
        return None, list(read.problems)
    conversion = _Conversion(tree, path.rpartition("/")[0], read.document, images, images_at, is_whole=read.is_whole)
    entry = conversion.entry()
    problems = [*read.problems, *conversion.problems]
    if read.is_whole:
        problems += islice(score_order.problems(read.document.entries["containers"]), MOST)
    warnings = (*read.warnings, *conversion.warnings)
    return Converted(conversion.name, entry, warnings, tuple(conversion.open_images), read.is_whole), problems


class _Conversion:
    """One Score document on its way; what is wrong with it is collected."""

    def __init__(
        self,
        tree: Tree,
        folder: str,
        document: Node,
        images: Mapping[str, str] | None,
        images_at: str,
        *,
        is_whole: bool,
    ) -> None:
        self.tree = tree
        self.folder = folder
        self.document = document
        self.images = images
        self.images_at = images_at
        self.metadata = document.entries["metadata"]
        self.name = str(self.metadata.entries["name"].value)
        self.resources = document.entries.get("resources", Node({}, document.place))
        self.scope = Scope(self.metadata, frozenset(self.resources.entries), is_whole=is_whole)
        self.volume_scope = replace(self.scope, source_of=True)
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.open_images: list[str] = []

    def entry(self) -> Node:
        resources = {alias: self.resource(alias, node) for alias, node in self.resources.entries.items()}
        resources[WORKLOAD_ALIAS] = self.workload()
        place = self.metadata.entries["name"].place
        return Node({"resources": Node(resources, place, place)}, self.document.place, place)

    def resource(self, alias: str, node: Node) -> Node:
        given = node.entries
        if alias == WORKLOAD_ALIAS:
            what = f"the name `{WORKLOAD_ALIAS}` is taken by the workload itself"
            self.problems.append(Problem(node.key or node.place, what, "give the resource another name"))
        if "metadata" in given:
            place = given["metadata"].key or given["metadata"].place
            what = f"`metadata` of resource `{alias}` is not passed on"
            self.warnings.append(str(Problem(place, what, "use `params` for what its module shall know")))
        entries = {key: given[key] for key in ("type", "class") if key in given}
        if "id" in given:
            entries["id"] = self.shared_id(given["id"])
        if "params" in given and given["params"].value:
            entries["params"] = self.each_text(given["params"], self.rewritten)
        return Node(entries, node.place, node.key)

    def shared_id(self, node: Node) -> Node:
        id_ = f"{SHARED_PREFIX}{node.value}"
        if len(id_) > (schema.RESOURCE_ID.longest or 0):
            what = f"`{node.value}` has {len(str(node.value))} characters, and as `{SHARED_PREFIX}…` too many"
            self.problems.append(Problem(node.place, what, "use at most 56"))
            return node
        return Node(id_, node.place, node.key)

    def workload(self) -> Node:
        place = self.metadata.entries["name"].place
        entries = {"type": Node(WORKLOAD_ALIAS, place, place)}
        annotations = self.metadata.entries.get("annotations")
        for annotation, (key, spelling) in score_document.ANNOTATIONS.items():
            node = annotations.entries.get(annotation) if annotations is not None else None
            if node is None or not node.value:
                continue
            if not spelling.accepts(str(node.value)):
                self.problems.append(Problem(node.place, spelling.complaint(str(node.value)), spelling.rule))
            entries[key] = node
        service = self.document.entries.get("service", Node({}, place, place))
        containers = self.document.entries["containers"]
        params = {
            "metadata": self.each_text(self.metadata, _literal),
            "containers": _with(containers, {name: self.container(name, c) for name, c in containers.entries.items()}),
            "service": _tidy(service),
        }
        return Node({**entries, "params": Node(params, place, place)}, place, place)

    def container(self, name: str, node: Node) -> Node:
        entries = {key: self.each_text(value, _literal) for key, value in _tidy(node).entries.items()}
        given = node.entries
        entries["image"] = self.image(name, given["image"])
        if "variables" in entries:
            entries["variables"] = self.each_text(given["variables"], self.rewritten)
        if "files" in entries:
            files = given["files"]
            entries["files"] = _with(files, {target: self.file(file) for target, file in files.entries.items()})
        if "volumes" in entries:
            volumes = given["volumes"]
            entries["volumes"] = _with(volumes, {key: self.volume(volume) for key, volume in volumes.entries.items()})
        return _with(node, entries)

    def image(self, container: str, node: Node) -> Node:
        if node.value != "." or self.images is None:
            return _literal(node)
        keys = (f"{self.name}/{container}", self.name)
        self.open_images.append(keys[0])
        found = next((self.images[key] for key in keys if key in self.images), None)
        if found is None:
            what = f"container `{container}` of workload `{self.name}` leaves its image open with `.`"
            remedy = f"add `images: {{{self.name}: IMAGE}}` to {self.images_at}"
            self.problems.append(Problem(node.place, what, remedy))
            return node
        return _literal(Node(found, node.place, node.key))

    def file(self, node: Node) -> Node:
        entries = {key: _literal(value) for key, value in node.entries.items() if key not in {"source", "content"}}
        is_expanded = not ("noExpand" in entries and entries["noExpand"].value)
        if "content" in node.entries:
            content = node.entries["content"]
            entries["content"] = self.rewritten(content) if is_expanded else _literal(content)
        if "source" in node.entries:
            entries.update(self.embedded(node.entries["source"], is_expanded))
        return _with(node, entries)

    @property
    def is_full(self) -> bool:
        """Whether enough is wrong: what there is of it beyond that is told later."""
        return len(self.problems) >= MOST

    def embedded(self, source: Node, is_expanded: bool) -> dict[str, Node]:
        if self.is_full:
            return {}
        found = score_files.embedded(self.tree, self.folder, str(source.value), source.place)
        if isinstance(found, Problem):
            self.problems.append(found)
            return {}
        place = Place(found.path)
        if found.key != "content" or not is_expanded:
            return {found.key: _literal(Node(found.text, place, source.key))}
        text, mistakes = score_placeholders.rewritten(found.text, self.scope)
        self.refuse(mistakes, lambda mistake: _place_in(found.path, found.text, mistake.at))
        return {found.key: Node(text, place, source.key)}

    def volume(self, node: Node) -> Node:
        entries = {key: _literal(value) for key, value in node.entries.items() if key != "path" or value.value}
        entries["source"] = self.rewritten(node.entries["source"], self.volume_scope)
        return _with(node, entries)

    def rewritten(self, node: Node, scope: Scope | None = None) -> Node:
        if not isinstance(node.value, str) or self.is_full:
            return node
        text, mistakes = score_placeholders.rewritten(node.value, scope or self.scope)
        self.refuse(mistakes, lambda _: node.place)
        return Node(text, node.place, node.key)

    def refuse(self, mistakes: Iterable[Mistake], place: Callable[[Mistake], Place]) -> None:
        self.problems.extend(Problem(place(mistake), mistake.what, mistake.remedy) for mistake in mistakes)

    def each_text(self, node: Node, change: Callable[[Node], Node]) -> Node:
        """The node with every text in it changed; keys are left alone."""
        if node.is_map:
            return _with(node, {key: self.each_text(value, change) for key, value in node.entries.items()})
        if node.is_list:
            return Node(tuple(self.each_text(item, change) for item in node.items), node.place, node.key)
        return change(node)


def _literal(node: Node) -> Node:
    if not isinstance(node.value, str):
        return node
    return Node(score_placeholders.literal(node.value), node.place, node.key)


def _with(node: Node, entries: Mapping[str, Node]) -> Node:
    return Node(entries, node.place, node.key)


def _tidy(node: Node, *, needs_all: bool = False) -> Node:
    """Numbers such as 80.0 made whole, and what is empty left out where that means the same."""
    if node.is_map:
        # What a probe executes may be nothing, but must be said.
        tidied = {key: _tidy(value, needs_all=key == "exec") for key, value in node.entries.items()}
        return _with(node, {key: value for key, value in tidied.items() if needs_all or not _is_omitted(key, value)})
    if isinstance(node.value, float) and node.value.is_integer():
        return Node(int(node.value), node.place, node.key)
    if node.is_list:
        return Node(tuple(_tidy(item) for item in node.items), node.place, node.key)
    return node


def _is_omitted(key: str, value: Node) -> bool:
    return key in _OMITTED_EMPTY and not value.value and (value.is_map or value.is_list)


def _place_in(path: str, text: str, at: int) -> Place:
    before = text[:at]
    return Place(path, before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1)
