"""What is the manifest of an environment? Its layers laid over one another, checked as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from controller.errors import MOST, ManifestError, Problem, near, suggest
from controller.manifest import layers, links, manifest_schema, mending, merge, reading
from controller.manifest.layers import Layer, Overrides
from controller.manifest.layout import EnvironmentFiles, ProjectFiles
from controller.manifest.phrases import shown
from controller.model.document import Node
from controller.model.manifest import EnvironmentConfig, Manifest
from controller.model.tree import Tree


@dataclass(frozen=True, slots=True)
class Composed:
    """The manifest of an environment, and sentences for whoever wrote it.

    With problems it is made of what is right. It is not whole where something that was written is not in it: a file
    could not be read, or the manifest that it builds on is not there.
    """

    manifest: Manifest
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_whole: bool = True


def compose(
    tree: Tree,
    project: ProjectFiles,
    environment: EnvironmentFiles,
    config: EnvironmentConfig,
    base: Node | None = None,
) -> Composed:
    """The environment's files over its project's, or over `base`, the manifest of its source; all problems at once."""
    composed = attempt(tree, project, environment, config, base)
    if composed.problems:
        raise ManifestError(composed.problems)
    return composed


def attempt(
    tree: Tree,
    project: ProjectFiles,
    environment: EnvironmentFiles,
    config: EnvironmentConfig,
    base: Node | None = None,
    unsure: Collection[str] = (),
    *,
    is_base_whole: bool = True,
) -> Composed:
    """The same with the problems beside what is right. `unsure`: keys of the configuration that can only be guessed."""
    images = None if "images" in unsure else config.images
    images_at = environment.config or f"{environment.folder}/environment.yaml"
    is_promoted = base is not None or config.source is not None
    overrides, problems = layers.read_overrides(tree, environment.overrides)
    if is_promoted:
        is_read = base is not None
        lower = Layer(base or layers.EMPTY, is_complete=is_read and is_base_whole, is_read=is_read)
    else:
        lower = layers.read(
            tree, project.manifests, project.scores, images, overrides, is_lower=True, images_at=images_at
        )
    if "source" in unsure:
        lower = replace(lower, is_complete=False, is_read=False)
    upper = layers.read(
        tree, environment.manifests, environment.scores, images, {}, is_lower=False, images_at=images_at
    )
    problems += [*lower.problems, *upper.problems]
    if "source" not in unsure:
        problems += _overrides_problems(overrides, lower, upper, is_promoted=is_promoted)
    problems += _doubled_workloads(lower, upper, is_promoted=is_promoted)
    if images is not None:
        unused = _image_problems(tree, environment, config, lower, upper, is_promoted=is_promoted)
        problems += islice(unused, MOST)
    return _composed(lower, upper, problems)


def manifest_of(document: Node) -> Manifest:
    """A whole manifest from its document; every problem is raised together."""
    problems = manifest_schema.problems_of(document, is_whole=True)
    if problems:
        raise ManifestError(problems)
    return manifest_schema.value_of(document)


def _composed(lower: Layer, upper: Layer, problems: list[Problem]) -> Composed:
    """What there is, mended where something is wrong with it."""
    warnings = (*lower.warnings, *upper.warnings)
    document, wrong = _whole(lower, upper)
    if not problems and not wrong and lower.is_complete and upper.is_complete:
        return Composed(manifest_schema.value_of(document), warnings)
    parts = [problem for part in (*lower.parts, *upper.parts) for problem in _part_problems(part)]
    document, more = _whole(layers.meant(lower), layers.meant(upper))
    rest = mending.mended(
        manifest_schema.ManifestFile, document, lambda rest: manifest_schema.problems_of(rest, is_whole=True)
    )
    manifest = manifest_schema.value_of(rest or layers.EMPTY)
    is_whole = lower.is_complete and upper.is_complete and not more
    return Composed(manifest, warnings, tuple(dict.fromkeys([*problems, *parts, *more])), is_whole)


def _whole(lower: Layer, upper: Layer) -> tuple[Node, list[Problem]]:
    """The result, and what is wrong with it; nothing is said of what a file that could not be read may hold."""
    document, problems = merge.overlaid(lower.document, upper.document, upper.is_score_param)
    if lower.is_complete and upper.is_complete:
        return document, [*problems, *manifest_schema.problems_of(document, is_whole=True)]
    if not (lower.is_read and upper.is_read):
        return document, []
    near_ones = [problem for problem in problems if "did you mean" in problem.remedy]
    return document, [*(problems if lower.is_complete else near_ones), *manifest_schema.misnamed(document)]


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
        if name in lower.scores or not (lower.is_read or is_promoted):
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
    lacking = {key for key in open_images if not {key, key.partition("/")[0]} & config.images.keys()}
    lacking |= {key.partition("/")[0] for key in lacking}
    is_complete = lower.is_complete and upper.is_complete
    if not unused or environment.config is None:
        return
    images = reading.read_one(environment.config, links.content(tree, environment.config)).entries.get("images")
    below = lower.document.entries.get("workloads")
    for key in sorted(unused):
        node = images.entries.get(key) if images is not None else None
        # What takes it may stand in a file that cannot be read, unless a name near to it lacks one.
        if node is None or not (is_complete or near(key, lacking)):
            continue
        what = f"no container takes the image of `{shown(key)}`: only `image: .` in a Score file does"
        remedy = suggest(key, known, "remove it")
        if is_promoted and below is not None and key.partition("/")[0] in below.entries:
            what = f"workload `{key.partition('/')[0]}` comes from the source of this environment, with its images"
            remedy = "remove it"
        yield Problem(node.key or node.place, what, remedy)
