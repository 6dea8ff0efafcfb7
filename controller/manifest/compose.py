"""What is the manifest of an environment? Its layers laid over one another, checked as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controller.errors import ManifestError, Problem, suggest
from controller.manifest import layers, links, manifest_schema, merge, reading
from controller.manifest.layers import Layer, Overrides
from controller.manifest.layout import EnvironmentFiles, ProjectFiles
from controller.manifest.phrases import shown
from controller.model.document import Node
from controller.model.manifest import EnvironmentConfig, Manifest
from controller.model.tree import Tree


@dataclass(frozen=True, slots=True)
class Composed:
    """The manifest of an environment, and sentences for whoever wrote it."""

    manifest: Manifest
    warnings: tuple[str, ...] = ()


def compose(
    tree: Tree,
    project: ProjectFiles,
    environment: EnvironmentFiles,
    config: EnvironmentConfig,
    base: Node | None = None,
) -> Composed:
    """The environment's files over its project's, or over `base`, the manifest of its source; all problems at once."""
    overrides, problems = layers.read_overrides(tree, environment.overrides)
    if base is None:
        lower = layers.read(tree, project.manifests, project.scores, config.images, overrides, is_lower=True)
    else:
        lower = Layer(base)
    upper = layers.read(tree, environment.manifests, environment.scores, config.images, {}, is_lower=False)
    is_promoted = base is not None
    problems += [*lower.problems, *upper.problems]
    problems += _overrides_problems(overrides, lower, upper, is_promoted=is_promoted)
    problems += _doubled_workloads(lower, upper, is_promoted=is_promoted)
    problems += _image_problems(tree, environment, config, lower, upper, is_promoted=is_promoted)
    document, more = _whole(lower, upper)
    problems += more
    if problems:
        parts = [problem for part in (*lower.parts, *upper.parts) for problem in _part_problems(part)]
        raise ManifestError([*problems, *parts])
    return Composed(manifest_schema.value_of(document), (*lower.warnings, *upper.warnings))


def manifest_of(document: Node) -> Manifest:
    """A whole manifest from its document; every problem is raised together."""
    problems = manifest_schema.problems_of(document, is_whole=True)
    if problems:
        raise ManifestError(problems)
    return manifest_schema.value_of(document)


def _whole(lower: Layer, upper: Layer) -> tuple[Node, list[Problem]]:
    """The result, and what is wrong with it; nothing is said of what a file that could not be read may hold."""
    document, problems = merge.overlaid(lower.document, upper.document)
    if not lower.is_complete:
        problems = []
    if lower.is_complete and upper.is_complete:
        problems = [*problems, *manifest_schema.problems_of(document, is_whole=True)]
    return document, problems


def _part_problems(part: Node) -> list[Problem]:
    """What is wrong with one file for itself, so that one broken file does not hide the mistakes of the others."""
    return manifest_schema.problems_of(_without_deletions(part), is_whole=False)


def _without_deletions(node: Node) -> Node:
    if not node.is_map:
        return node
    kept = {key: _without_deletions(value) for key, value in node.entries.items() if value.value is not None}
    return Node(kept, node.place, node.key)


def _overrides_problems(
    overrides: Mapping[str, Overrides], lower: Layer, upper: Layer, *, is_promoted: bool
) -> Iterator[Problem]:
    for name, found in overrides.items():
        if name in lower.scores:
            continue
        what = f"there is no Score file of workload `{shown(name)}` in the project's directory"
        remedy = suggest(name, lower.scores, "remove the overrides, or add that file")
        if name in upper.scores:
            what = f"workload `{shown(name)}` is a Score file of this environment itself"
            remedy = "change that file"
        elif is_promoted:
            what = (
                f"workload `{shown(name)}` comes from the source of this environment, where Score is converted already"
            )
            remedy = "change it with a manifest file"
        yield Problem(found.name.place, what, remedy)


def _doubled_workloads(lower: Layer, upper: Layer, *, is_promoted: bool) -> Iterator[Problem]:
    workloads = lower.document.entries.get("workloads")
    for name, node in upper.scores.items():
        below = workloads.entries.get(name) if workloads is not None else None
        if below is None:
            continue
        if is_promoted:
            what = f"workload `{shown(name)}` comes from the source of this environment already"
            remedy = "rename it, or change that one with a manifest file"
        elif name in lower.scores:
            what = f"workload `{shown(name)}` is in the project's {lower.scores[name].place.path} already"
            remedy = f"rename it, or patch that one with `{name}.score-overrides.yaml`"
        else:
            what = f"workload `{shown(name)}` is in the project's {below.place.path} already"
            remedy = "rename it, or change that one with a manifest file"
        yield Problem(node.place, what, remedy)


def _image_problems(
    tree: Tree,
    environment: EnvironmentFiles,
    config: EnvironmentConfig,
    lower: Layer,
    upper: Layer,
    *,
    is_promoted: bool,
) -> Iterator[Problem]:
    """Images of environment.yaml that nothing takes. Those of the project's defaults are for all environments."""
    open_images = lower.open_images | upper.open_images
    known = open_images | {key.partition("/")[0] for key in open_images}
    unused = config.images.keys() - known
    is_complete = lower.is_complete and upper.is_complete
    if not unused or not is_complete or environment.config is None:
        return
    images = reading.read_one(environment.config, links.content(tree, environment.config)).entries.get("images")
    below = lower.document.entries.get("workloads")
    for key in sorted(unused):
        node = images.entries.get(key) if images is not None else None
        if node is None:
            continue
        what = f"no container takes the image of `{key}`: only `image: .` in a Score file does"
        remedy = suggest(key, known, "remove it")
        if is_promoted and below is not None and key.partition("/")[0] in below.entries:
            what = f"workload `{key.partition('/')[0]}` comes from the source of this environment, with its images"
            remedy = "remove it"
        yield Problem(node.key or node.place, what, remedy)
