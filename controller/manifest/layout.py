"""Where is what? The projects and environments of a commit, and the files of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from controller.errors import ManifestError, Place, Problem, suggest
from controller.manifest import filenames, links, mending, misplaced, mounts, reading, schema
from controller.manifest.filenames import Role
from controller.manifest.phrases import shown
from controller.model.document import Node
from controller.model.noted import Footprint, Noted
from controller.model.tree import Kind, Tree

FILE = misplaced.LAYOUT


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of the repository, without slashes at the ends; `projects` may be empty: the root."""

    platform: str = "platform"
    projects: str = "projects"
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentFiles:
    """The directory of an environment; paths are sorted. `config` is its environment.yaml, where it has one."""

    project: str
    name: str
    folder: str
    config: str | None = None
    manifests: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        return f"{self.project}/{self.name}"


@dataclass(frozen=True)
class ProjectFiles:
    """The directory of a project; paths are sorted. `config` is its project.yaml, where it has one."""

    id: str
    folder: str
    config: str | None = None
    manifests: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    environments: tuple[EnvironmentFiles, ...] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        """Of its environments; put together once, for each of thousands asks."""
        return frozenset(files.name for files in self.environments)


@dataclass(frozen=True)
class Found:
    """What a commit declares, and what is wrong with its files' names: by project `P` or environment `P/E`."""

    projects: tuple[ProjectFiles, ...] = ()
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    looked_at: Mapping[str, _LookedAt] = field(default_factory=dict, repr=False, compare=False)  # by folder's name

    # Put together once, for the same reason.
    @cached_property
    def by_id(self) -> Mapping[str, ProjectFiles]:
        return {files.id: files for files in self.projects}

    @cached_property
    def environments(self) -> Mapping[str, EnvironmentFiles]:
        """By slug, sorted."""
        found = {files.slug: files for project in self.projects for files in project.environments}
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class _LookedAt:
    """What was found in one project's folder, and what was read for it."""

    kind: Kind
    footprint: Footprint
    project: ProjectFiles | None
    findings: tuple[tuple[str, Problem], ...]


def read_layout(tree: Tree) -> Layout:
    """The layout that `lockstep.yaml` describes, or the usual one."""
    layout, problems = attempt(tree)
    if layout is None or problems:
        raise ManifestError(problems)
    return layout


def attempt(tree: Tree) -> tuple[Layout | None, list[Problem]]:
    """The same with the problems beside the layout that was probably meant; None where nobody can tell."""
    if FILE not in tree.names(""):
        problems = [*misplaced.layout_files(tree), *misplaced.folders_of_projects(tree, "projects", "platform")]
        return None if problems else Layout(), problems
    try:
        node = reading.read_one(FILE, links.content(tree, FILE))
    except ManifestError as error:
        return None, list(error.problems)
    problems = _complaints(node)
    written = schema.validate(LayoutFile, mending.mended(LayoutFile, node, _complaints) or Node({}, node.place))
    layout = Layout(written.platform, written.projects, written.organization)
    problems += _folder_problems(tree, layout, node)
    if "projects" not in node.entries:
        problems += misplaced.folders_of_projects(tree, layout.projects, layout.platform)
    is_there = links.kind(tree, layout.platform) is links.kind(tree, layout.projects) is Kind.FOLDER
    return layout if is_there or not problems else None, problems


def find(tree: Tree, layout: Layout, before: Found | None = None) -> Found:
    """Every project and environment; a wrong name is a problem of the project or environment that it is in.

    `before`: what was found in another commit, by the same layout; folders that are the same are not looked at again.
    """
    projects: list[ProjectFiles] = []
    problems: dict[str, list[Problem]] = {}
    looked_at: dict[str, _LookedAt] = {}
    for name, kind in tree.names(layout.projects).items():
        folder = filenames.join(layout.projects, name)
        if name.startswith(".") or folder == layout.platform:
            continue
        if before is None:
            project, findings = _project(tree, layout, name, kind)
        else:
            seen = looked_at[name] = _again(tree, layout, name, kind, before.looked_at.get(name))
            project, findings = seen.project, list(seen.findings)
        if project is not None:
            projects.append(project)
        for slug, problem_ in findings:
            problems.setdefault(slug, []).append(problem_)
    return Found(tuple(projects), {slug: tuple(found) for slug, found in sorted(problems.items())}, looked_at)


def _again(tree: Tree, layout: Layout, name: str, kind: Kind, seen: _LookedAt | None) -> _LookedAt:
    if seen is not None and seen.kind is kind and seen.footprint.is_same(tree):
        return seen
    noted = Noted(tree)
    project, findings = _project(noted, layout, name, kind)
    return _LookedAt(kind, noted.footprint(filenames.join(layout.projects, name)), project, tuple(findings))


def _folder(text: str) -> str:
    steps = [step for step in text.split("/") if step not in {"", "."}]
    if text.startswith("/") or ".." in steps or "\\" in text:
        raise schema.refused(f"`{shown(text)}` is no folder of this repository", "name one, relative to its root")
    return "/".join(steps)


def _platform(text: str) -> str:
    folder = _folder(text)
    if not folder:
        raise schema.refused("the platform cannot be the root of the repository", "name a folder")
    return folder


_INSIDE = r"^(?!/)(?!(?:[^/]*/)*\.\.(?:/|$))"  # as JSON Schema says it to editors


class LayoutFile(schema.Written):
    """`lockstep.yaml`."""

    platform: Annotated[str, schema.Checked(_platform, {"pattern": rf"{_INSIDE}(?!(?:\.?/)*\.?$)[^\\]*$"})] = "platform"
    projects: Annotated[str, schema.Checked(_folder, {"pattern": rf"{_INSIDE}[^\\]*$"})] = "projects"
    organization: Annotated[str, schema.ORGANIZATION] | None = None


def _complaints(node: Node) -> list[Problem]:
    try:
        schema.validate(LayoutFile, node)
    except ManifestError as error:
        return list(error.problems)
    return []


def _folder_problems(tree: Tree, layout: Layout, node: Node) -> Iterator[Problem]:
    """The platform may lie beside the projects, never among them or around them."""
    for key, folder in (("platform", layout.platform), ("projects", layout.projects)):
        if key in node.entries and links.kind(tree, folder) is not Kind.FOLDER:
            folders = (name for name, kind in tree.names("").items() if kind is Kind.FOLDER)
            remedy = suggest(folder, folders, "create it")
            yield Problem(node.entries[key].place, f"there is no folder `{folder}` in this repository", remedy)
    if layout.platform == layout.projects or (layout.projects and links.is_within(layout.platform, layout.projects)):
        yield Problem(node.place, "`platform` lies inside of `projects`", "give each a folder of its own")
    elif links.is_within(layout.projects, layout.platform):
        yield Problem(node.place, "`projects` lies inside of `platform`", "give each a folder of its own")


_Findings = list[tuple[str, Problem]]


def _project(tree: Tree, layout: Layout, name: str, kind: Kind) -> tuple[ProjectFiles | None, _Findings]:
    folder = filenames.join(layout.projects, name)
    if kind is not Kind.FOLDER:
        beside = misplaced.beside_projects(tree, folder, layout.projects)
        return None, [(name, found) for found in (*_no_folder(tree, folder, kind, "a project"), *beside)]
    roles = filenames.roles(tree, folder)
    findings: _Findings = []
    environments = []
    for child, child_kind in tree.names(folder).items():
        environment, found = _environment(tree, name, filenames.join(folder, child), child, child_kind)
        findings.extend((f"{name}/{child}", problem_) for problem_ in found)
        if environment is not None:
            environments.append(environment)
    is_project = bool(roles[Role.PROJECT] or roles[Role.MANIFEST] or roles[Role.SCORE] or environments)
    if is_project:
        findings.extend((name, found) for found in filenames.folders(tree, folder))
    findings.extend(
        (name, found)
        for found in filenames.strays(roles, Role.PROJECT, is_ours=is_project or bool(roles[Role.ENVIRONMENT]))
    )
    project = ProjectFiles(
        name, folder, _only(roles[Role.PROJECT]), roles[Role.MANIFEST], roles[Role.SCORE], tuple(environments)
    )
    findings = _without_mounted(tree, project, findings)
    if not is_project:
        below = misplaced.below_no_project(tree, folder, layout.projects)
        return None, [*findings, *((name, found) for found in below)]
    if not schema.PROJECT.accepts(name):
        findings.append((name, Problem(Place(folder), schema.PROJECT.complaint(name), schema.PROJECT.rule)))
        return None, findings
    return project, findings


def _environment(
    tree: Tree, project: str, folder: str, name: str, kind: Kind
) -> tuple[EnvironmentFiles | None, list[Problem]]:
    if name.startswith("."):
        return None, []
    if kind is not Kind.FOLDER:
        return None, list(_no_folder(tree, folder, kind, "an environment"))
    roles = filenames.roles(tree, folder)
    is_environment = bool(roles[Role.ENVIRONMENT] or roles[Role.MANIFEST] or roles[Role.SCORE])
    problems = list(filenames.strays(roles, Role.ENVIRONMENT, is_ours=is_environment))
    if not is_environment:
        what = "there is nothing else here that makes this folder an environment"
        alone = (Problem(Place(path), what, "add environment.yaml") for path in roles[Role.OVERRIDES])
        return None, [*problems, *alone]
    if not schema.ENVIRONMENT.accepts(name):
        wrong = Problem(Place(folder), schema.ENVIRONMENT.complaint(name), schema.ENVIRONMENT.rule)
        return None, [*problems, wrong]
    problems.extend(filenames.folders(tree, folder))
    problems.extend(filenames.submodules(tree, folder))
    files = (roles[Role.MANIFEST], roles[Role.SCORE], roles[Role.OVERRIDES])
    return EnvironmentFiles(project, name, folder, _only(roles[Role.ENVIRONMENT]), *files), problems


def _no_folder(tree: Tree, path: str, kind: Kind, what: str) -> Iterator[Problem]:
    """A link or submodule where a directory of ours would stand is no directory of this commit."""
    if kind is Kind.SUBMODULE:
        yield Problem(Place(path), f"a submodule cannot be {what}", "copy its files")
    target = links.resolved(tree, path) if kind is Kind.LINK else None
    if target is not None and links.kind(tree, target) is Kind.FOLDER and filenames.has_ours(tree, target):
        yield Problem(Place(path), f"a symbolic link cannot be {what}", "copy its files")


def _without_mounted(tree: Tree, project: ProjectFiles, findings: _Findings) -> _Findings:
    """Files that a Score file mounts may have any name."""
    if not findings:
        return findings
    scores = [(path, project.folder) for path in project.scores]
    for environment in project.environments:
        scores.extend((path, environment.folder) for path in environment.scores)
        scores.extend((path, project.folder) for path in environment.overrides)
    mounted = mounts.mounted(tree, scores)
    return [(slug, found) for slug, found in findings if str(getattr(found.where, "path", "")) not in mounted]


def _only(paths: tuple[str, ...]) -> str | None:
    return paths[0] if paths else None
