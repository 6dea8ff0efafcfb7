"""What does one layer of an environment say? Its manifest files and Score files, united."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from controller.errors import MOST, ManifestError, Place, Problem
from controller.manifest import links, manifest_schema, mending, merge, reading, score, score_document
from controller.manifest.phrases import shown
from controller.model.document import Node
from controller.model.tree import Tree

EMPTY = Node({}, Place(""))  # a layer without files


@dataclass(frozen=True, slots=True)
class Layer:
    """The united document, the workloads that come from Score, and what was found on the way.

    `parts` are the documents it was made of; a layer is not complete where one of its files lacks something, and not
    even read where one cannot be read at all.
    """

    document: Node
    parts: tuple[Node, ...] = ()
    scores: Mapping[str, Node] = field(default_factory=dict)  # name -> `metadata.name` of the Score file
    open_images: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    is_complete: bool = True
    is_read: bool = True

    def is_score_param(self, path: tuple[str, ...]) -> bool:
        """Whether something in the params of a workload of Score stands there: no such file deletes anything."""
        return len(path) > 5 and path[0] == "workloads" and path[1] in self.scores and path[4] == "params"


@dataclass(frozen=True, slots=True)
class Overrides:
    """A patch for the Score file of a workload. `name` is where the workload's name stands, or the whole document."""

    workload: str
    name: Node
    document: Node


def read(
    tree: Tree,
    manifests: Iterable[str],
    scores: Iterable[str],
    images: Mapping[str, str] | None,
    overrides: Mapping[str, Overrides],
    *,
    is_lower: bool,
    images_at: str = "environment.yaml",
) -> Layer:
    """A layer from its files. In the lower one `null` is a value inside of params and an error elsewhere.

    Without `images` it is not known what stands for `image: .`; those that lack are to be added to `images_at`.
    """
    reader = _Reader(tree, images, images_at, overrides)
    for path in manifests:
        reader.manifest(path, is_lower=is_lower)
    for path in scores:
        reader.score(path)
    return reader.layer()


def meant(layer: Layer) -> Layer:
    """The layer as it would be had nobody misspelt a key."""
    if not layer.parts:
        return layer
    parts = [mending.renamed(manifest_schema.ManifestFile, part) for part in layer.parts]
    return replace(layer, document=merge.united(parts)[0])


def read_overrides(tree: Tree, paths: Iterable[str]) -> tuple[dict[str, Overrides], list[Problem]]:
    """The overrides files by the workload that they patch, and what is wrong with them."""
    found: dict[str, Overrides] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            document = reading.read_one(path, links.content(tree, path))
        except ManifestError as error:
            problems.extend(error.problems)
            continue
        name = score_document.name_of(document)
        workload = str(name.value) if name is not None else path.rpartition("/")[2].rpartition(".score-overrides.")[0]
        if not document.is_map:
            problems.append(Problem(document.place, "an overrides file must be a map", "write what it changes"))
        elif not workload:
            what = "it is not said which workload this patches"
            problems.append(Problem(document.place, what, "add `metadata: {name: WORKLOAD}`"))
        elif workload in found:
            first = found[workload].document.place
            what = f"workload `{shown(workload)}` has overrides in {first.path} already"
            problems.append(Problem((name or document).place, what, "put them into one file"))
        else:
            found[workload] = Overrides(workload, name or document, document)
    return found, problems


class _Reader:
    """The files of one layer, read one after another."""

    def __init__(
        self, tree: Tree, images: Mapping[str, str] | None, images_at: str, overrides: Mapping[str, Overrides]
    ) -> None:
        self.tree = tree
        self.images = images
        self.images_at = images_at
        self.overrides = overrides
        self.parts: list[Node] = []
        self.scores: dict[str, Node] = {}
        self.open_images: list[str] = []
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.is_complete = True
        self.is_read = True

    def manifest(self, path: str, *, is_lower: bool) -> None:
        document = self.document(path)
        if document is None:
            return
        if not document.is_map:
            self.problems.append(Problem(document.place, "a manifest must be a map", "write `workloads:` and below it"))
            self.is_complete = False
            return
        document, warnings = manifest_schema.without_old_names(document)
        self.warnings.extend(warnings)
        if is_lower:
            self.problems.extend(islice(_nulls(document), MOST))
        self.parts.append(document)

    def score(self, path: str) -> None:
        document = self.document(path)
        if document is None:
            return
        name = score_document.name_of(document)
        if name is not None and str(name.value) in self.scores:
            first = self.scores[str(name.value)].place
            what = f"workload `{shown(name.value)}` is in {first.path} already"
            self.problems.append(Problem(name.place, what, "give one of the two another name"))
            return
        if name is not None:
            self.scores[str(name.value)] = name
        overrides = self.overrides.get(str(name.value)) if name is not None else None
        patch = overrides.document if overrides else None
        found, problems = score.attempt(self.tree, path, document, patch, self.images, images_at=self.images_at)
        self.problems.extend(problems)
        if found is None or not found.is_whole:
            self.is_complete = False
        if found is None:
            return
        self.warnings.extend(found.warnings)
        self.open_images.extend(found.open_images)
        workloads = Node({found.name: found.entry}, document.place, document.place)
        self.parts.append(Node({"workloads": workloads}, document.place))

    def document(self, path: str) -> Node | None:
        try:
            return reading.read_one(path, links.content(self.tree, path))
        except ManifestError as error:
            self.problems.extend(error.problems)
            self.is_complete = self.is_read = False
            return None

    def layer(self) -> Layer:
        document, conflicts = merge.united(self.parts or [EMPTY])
        return Layer(
            document,
            tuple(self.parts),
            self.scores,
            frozenset(self.open_images),
            (*self.problems, *conflicts),
            tuple(self.warnings),
            self.is_complete,
            self.is_read,
        )


def _nulls(node: Node, path: tuple[str, ...] = ()) -> Iterator[Problem]:
    for key, value in node.entries.items():
        here = (*path, key)
        if value.value is None:
            what = f"`{merge.dotted(here)}` has no value"
            yield Problem(
                value.key or value.place, what, "give it one, or remove it; only an environment's files delete"
            )
        elif not _is_params(here):
            yield from _nulls(value, here)


def _is_params(path: tuple[str, ...]) -> bool:
    """Whether a path is that of the params of a resource: `shared.A.params` or `workloads.W.resources.A.params`."""
    return path[-1] == "params" and len(path) == {"shared": 3, "workloads": 5}.get(path[0])
