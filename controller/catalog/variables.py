"""Does the code of a module have the inputs that it is given, and is it given what it needs?

Asked where the code lies in this repository.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller import hcl
from controller.errors import ManifestError, Place, Problem, near, suggest
from controller.manifest import links
from controller.manifest.phrases import shown
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.document import Node
from controller.model.tree import Tree

_NATIVE, _JSON = (".tf", ".tofu"), (".tf.json", ".tofu.json")


@dataclass(frozen=True, slots=True)
class Given:
    """Inputs and params by the name of their variable; those that may be left out; where the source is written."""

    values: Mapping[str, Node]
    optional: Collection[str]
    place: Place


def problems(given: Given, source: ModuleSource, tree: Tree) -> Iterator[Problem]:
    """What the code does not know, and what it lacks."""
    code = _code(source, tree)
    declared = _declared(code) if code is not None else None
    if declared is None:
        return
    unknown = given.values.keys() - declared.keys()
    for name, node in given.values.items():
        if name in unknown:
            what = f"the code of the module has no variable `{shown(name)}`"
            remedy = suggest(name, declared, "declare it there, or remove it here")
            yield Problem(node.key or node.place, what, remedy)
        elif name in given.optional and not declared[name]:
            what = f"`{shown(name)}` may be left out, but its variable in the code of the module has no default"
            yield Problem(node.key or node.place, what, "give the variable a `default`, or let the param be required")
    misspelt = {near(name, declared) for name in unknown}
    for name in sorted(declared.keys() - given.values.keys() - misspelt):
        if not declared[name]:
            what = f"the variable `{shown(name)}` in the code of the module has no default, and is given nothing"
            yield Problem(given.place, what, "add it to `module_inputs` or `module_params`, or give it a `default`")


def _code(source: ModuleSource, tree: Tree) -> Sequence[tuple[str, str]] | None:
    """The module's own files, each by its path; None where they cannot be seen."""
    if source.kind is SourceKind.INLINE:
        return (("main.tf", source.code or ""),)
    if source.kind is not SourceKind.LOCAL:
        return None
    paths = (f"{source.address}/{name}" for name in tree.names(source.address) if name.endswith((*_NATIVE, *_JSON)))
    try:
        return tuple((path, links.content(tree, path).decode()) for path in paths)
    except (ManifestError, UnicodeDecodeError):
        return None


def _declared(code: Iterable[tuple[str, str]]) -> Mapping[str, bool] | None:
    """The variables, and whether each has a default; None where the code is not of the language, said elsewhere."""
    found: dict[str, bool] = {}
    try:
        for path, text in code:
            for name, has_default in _in_json(text) if path.endswith(_JSON) else _in_native(text):
                found[name] = has_default or found.get(name, False)  # another file may override the first
    except hcl.HclError:
        return None
    return found


def _in_native(text: str) -> Iterator[tuple[str, bool]]:
    for block in hcl.parse(text).of("variable"):
        if block.labels:
            yield block.labels[0], "default" in block.body.attributes


def _in_json(text: str) -> Iterator[tuple[str, bool]]:
    for variables in hcl.blocks(hcl.document(text), "variable"):
        for name in variables:
            yield name, any("default" in body for body in hcl.blocks(variables, name))
