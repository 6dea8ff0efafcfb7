"""What is a module? From what is written to what it is, with everything that one document alone can have wrong."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from controller.catalog import contained, folders, sources, variables
from controller.catalog.documents import CoprovisionedFile, DependencyFile, ModuleFile, ModuleRuleFile
from controller.catalog.spelling import MODULE
from controller.errors import ManifestError, Place, Problem, near
from controller.manifest import schema
from controller.model import reserved
from controller.model.catalog import Module, ModuleParam, ModuleRule, ModuleSource, Requirement
from controller.model.document import Node, find, place_of
from controller.model.tree import Kind, Tree


@dataclass(frozen=True, slots=True)
class Location:
    """A document of a module: its file, the module's name by that file, and whether other modules stand there too."""

    path: str
    name: str
    is_alone: bool

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def has_folder(self) -> bool:
        """Whether the folder that the file lies in is the module's own."""
        return posixpath.basename(self.path) == folders.DOCUMENT


def module(node: Node, location: Location, tree: Tree) -> Module:
    written = schema.validate(ModuleFile, node)
    found: list[Problem] = []
    id_ = _id(node, written, location, found)
    found += _name_problems(node, written)
    source = _source(node, written, location, tree, found)
    if source is not None:
        optional = {param.variable or name for name, param in written.module_params.items() if param.is_optional}
        given = variables.Given(dict(_given(node, written)), optional, place_of(node, ("module_source",)))
        found += variables.problems(given, source, tree)
    rules = tuple(_rules(node, written, id_, found))
    if found or source is None:
        raise ManifestError(found)
    return Module(
        id=id_,
        description=written.description,
        resource_type=written.resource_type,
        source=source,
        params={
            name: ModuleParam(param.type, param.is_optional, param.description, param.variable)
            for name, param in written.module_params.items()
        },
        inputs=_entries(node, "module_inputs"),
        provider_mapping={local: _provider(name) for local, name in written.provider_mapping.items()},
        dependencies={
            alias: _requirement(dependency, _part(node, "dependencies", alias))
            for alias, dependency in written.dependencies.items()
        },
        coprovisioned=tuple(
            _requirement(asked, _part(node, "coprovisioned", index))
            for index, asked in enumerate(written.coprovisioned)
        ),
        rules=rules,
        place=node.place,
        ordering=written.ordering,
    )


def _id(node: Node, written: ModuleFile, location: Location, found: list[Problem]) -> str:
    place = place_of(node, ("id",))
    if written.id is None and not location.is_alone:
        found.append(Problem(place, "this file describes several modules", "give each of them an `id`"))
    elif written.id is None and not MODULE.accepts(location.name):
        where = "folder" if location.has_folder else "file"
        found.append(Problem(place, MODULE.complaint(location.name), f"{MODULE.rule}; rename the {where}"))
    elif written.id is not None and written.id != location.name and location.is_alone:
        where = "folder" if location.has_folder else "file"
        what = f"module `{written.id}` lies in a {where} named `{location.name}`"
        found.append(Problem(place, what, f"rename the {where}, or leave the `id` out"))
    return written.id or location.name


def _name_problems(node: Node, written: ModuleFile) -> Iterator[Problem]:
    taken: set[str] = set()
    for name, entry in _given(node, written):
        if name in reserved.VARIABLES:
            what = f"`{name}` cannot be the name of an input: the engine keeps it for itself"
            remedy = "rename it in the module's code and here"
            if entry.is_map and name in written.module_params:
                remedy += ", or say with `variable: NAME` what the code calls it"
            yield Problem(entry.key or entry.place, what, remedy)
        elif name in taken and name not in {*written.module_inputs} & {*written.module_params}:
            yield Problem(entry.place, f"the variable `{name}` is given twice", "give each param one of its own")
        taken.add(name)
    for name in sorted(set(written.module_inputs) & set(written.module_params)):
        entry = _part(node, "module_inputs", name)
        what = f"`{name}` is both an input and a param of the module"
        yield Problem(entry.key or entry.place, what, "keep it in `module_inputs` or in `module_params`")


def _given(node: Node, written: ModuleFile) -> Iterator[tuple[str, Node]]:
    """What the module's code is given, by the names of its variables."""
    yield from _entries(node, "module_inputs").items()
    for name, entry in _entries(node, "module_params").items():
        variable = written.module_params[name].variable
        yield (name, entry) if variable is None else (variable, entry.entries["variable"])


def _source(
    node: Node, written: ModuleFile, location: Location, tree: Tree, found: list[Problem]
) -> ModuleSource | None:
    text, place = written.module_source, place_of(node, ("module_source",))
    if written.includes and not sources.is_folder(text):
        what = "`includes` adds folders to a module that is a folder itself"
        found.append(Problem(_key(node, "includes"), what, "remove it, or set `module_source: .`"))
    if text == "inline":
        return _inline(node, written, place, found)
    if written.module_source_code is not None:
        found.append(Problem(_key(node, "module_source_code"), "there is code and another source", "keep one of them"))
    if sources.is_folder(text):
        return _folder(node, written, location, tree, found)
    read = sources.read(text)
    if isinstance(read, sources.Refusal):
        found.append(Problem(place, read.what, read.remedy))
        return None
    return read


def _inline(node: Node, written: ModuleFile, place: Place, found: list[Problem]) -> ModuleSource | None:
    if written.module_source_code is None:
        found.append(Problem(place, "the code of an inline module is missing", "write it as `module_source_code: |`"))
        return None
    found += contained.code_problems(written.module_source_code, place_of(node, ("module_source_code",)))
    return sources.inline(written.module_source_code)


def _folder(
    node: Node, written: ModuleFile, location: Location, tree: Tree, found: list[Problem]
) -> ModuleSource | None:
    text, place = written.module_source, place_of(node, ("module_source",))
    address = folders.within(location.folder, text)
    if address is None or not folders.is_inside(address, (location.folder,)):
        what = f"module source `{text}` leads out of the folder of this file"
        found.append(Problem(place, what, "set `module_source: .` and name further folders in `includes`"))
        return None
    if address == location.folder and not location.has_folder:
        what = f"`{text}` is the folder of all modules"
        remedy = (
            f"move this file to `{location.folder}/{location.name}/{folders.DOCUMENT}`, beside the module's own files"
        )
        found.append(Problem(place, what, remedy))
        return None
    if not tree.names(address):
        found.append(_no_folder(place, text, address, tree))
        return None
    if refusal := sources.misread(address):
        found.append(Problem(place, refusal.what, refusal.remedy))
    roots = [address, *_includes(node, location, tree, found)]
    if not any(name != folders.DOCUMENT for name in tree.names(address)):
        found.append(Problem(place, f"the folder `{address}` has no files of the module", "add its `.tf` files"))
        return None
    found += contained.problems(tree, roots)
    return folders.of(tree, address, roots[1:])


def _includes(node: Node, location: Location, tree: Tree, found: list[Problem]) -> Iterator[str]:
    for item in _part(node, "includes").items:
        path = folders.within(location.folder, str(item.value))
        if not path:
            remedy = "name a folder of this repository, from this file on, like `../common`"
            found.append(Problem(item.place, f"`{item.value}` cannot be included", remedy))
        elif not tree.names(path):
            found.append(_no_folder(item.place, str(item.value), path, tree))
        else:
            yield path


def _no_folder(place: Place, written: str, path: str, tree: Tree) -> Problem:
    """A folder that is not there; one beside it may have been meant."""
    above, _, name = written.rpartition("/")
    beside = (other for other, kind in tree.names(posixpath.dirname(path)).items() if kind is Kind.FOLDER)
    meant = near(name, beside)
    remedy = f"did you mean `{above}/{meant}`?" if meant else "mend the path, or add the folder"
    return Problem(place, f"there is no folder `{path}`", remedy)


def _rules(node: Node, written: ModuleFile, id_: str, found: list[Problem]) -> Iterator[ModuleRule]:
    for index, rule in enumerate(written.rules):
        part = _part(node, "rules", index)
        found += _rule_problems(rule, part)
        yield ModuleRule(
            module_id=id_,
            resource_type=written.resource_type,
            resource_class=rule.resource_class,
            resource_id=rule.resource_id,
            project_id=rule.project_id,
            env_type_id=rule.env_type_id,
            env_id=rule.env_id,
            place=part.place,
        )


def _rule_problems(rule: ModuleRuleFile, part: Node) -> Iterator[Problem]:
    if rule.env_id is None:
        return
    where = _key(part, "env_id")
    if rule.project_id is None:
        yield Problem(where, "a rule with `env_id` says not which project it means", "add `project_id`")
    if rule.env_type_id is not None:
        yield Problem(where, "a rule has both `env_id` and `env_type_id`", "keep `env_id`, which says more")


def _requirement(written: DependencyFile, part: Node) -> Requirement:
    asked = written if isinstance(written, CoprovisionedFile) else None
    return Requirement(
        type=written.type,
        class_=written.class_,
        id=written.id,
        params=find(part, ("params",)),
        place=part.key or part.place,
        is_dependent_on_current=asked is not None and asked.is_dependent_on_current,
        copy_dependents_from_current=asked is not None and asked.copy_dependents_from_current,
    )


def _provider(name: str) -> tuple[str, str]:
    type_, _, id_ = name.partition(".")
    return type_, id_


def _entries(node: Node, key: str) -> dict[str, Node]:
    return dict(_part(node, key).entries)


def _part(node: Node, *path: str | int) -> Node:
    """What stands at a path; an empty map where nothing does."""
    return find(node, path) or Node({}, node.place)


def _key(node: Node, key: str) -> Place:
    part = _part(node, key)
    return part.key or part.place
