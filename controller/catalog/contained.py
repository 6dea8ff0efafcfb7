"""Does the code of a module use nothing outside its own folders? What it takes from elsewhere no digest would cover."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller import hcl
from controller.catalog.folders import is_inside, within
from controller.errors import Place, Problem
from controller.manifest import links, pointers
from controller.model.tree import Kind, Tree, walk

_READERS = frozenset(
    {"file", "filebase64", "filebase64sha256", "filebase64sha512", "fileexists", "filemd5", "fileset", "filesha1"}
    | {"filesha256", "filesha512", "templatefile"}
)
_HERE = "${path.module}"
_ELSEWHERE = ("${path.root}", "${path.cwd}")
_INCLUDE = "add the folder to `includes` of the module, or copy what is needed into the module's own"


def problems(tree: Tree, roots: Sequence[str]) -> Iterator[Problem]:
    """Whatever in the folders `roots` leads out of them."""
    for root in roots:
        for path, kind in walk(tree, root):
            if kind is Kind.SUBMODULE:
                yield Problem(Place(path), "a submodule is not read", "copy its files, or use it as a `git::` source")
            elif kind is Kind.LINK:
                yield from _link(tree, path, roots)
            elif pointers.is_pointer(tree.read(path)):
                yield pointers.problem(Place(path))
            elif path.endswith((".tf", ".tofu", ".tf.json", ".tofu.json")):
                yield from _file(tree, path, roots)


def code_problems(code: str, place: Place) -> Iterator[Problem]:
    """The same of code that stands in the module's own document, where there is no folder at all."""
    lines = hcl.Lines(code)
    try:
        uses = list(_in_native(code))
    except hcl.HclError as error:
        what = f"line {error.line} of `module_source_code`: {error.what} (column {error.column})"
        yield Problem(place, what, "mend the code")
        return
    for use in uses:
        if use.path.startswith((".", _HERE)):
            line, _ = lines.place(use.offset)
            what = f"line {line} of `module_source_code` uses `{use.path}`, but inline code has no files beside it"
            yield Problem(place, what, "make the module a folder, with `module_source: .`")
        else:
            yield from _outside(use.path, "", (), place)


@dataclass(frozen=True, slots=True)
class _Use:
    """A path that code names, as far as that can be told: of a module that it calls, or of a file."""

    path: str
    is_source: bool
    offset: int


def _link(tree: Tree, path: str, roots: Sequence[str]) -> Iterator[Problem]:
    target = links.resolved(tree, path)
    if target is None:
        yield Problem(Place(path), "the symbolic link leads to no file of this repository", "put the file in its place")
    elif not is_inside(target, roots):
        yield Problem(Place(path), f"the symbolic link leads to `{target}`, outside the module", _INCLUDE)
    elif any(kind is Kind.LINK for _, kind in walk(tree, target)):
        what = f"the symbolic link leads to the folder `{target}`, which has symbolic links in it"
        yield Problem(Place(path), what, "put the folder in its place, or link to its files")


def _file(tree: Tree, path: str, roots: Sequence[str]) -> Iterator[Problem]:
    text = tree.read(path).decode(errors="replace")
    lines = hcl.Lines(text)
    uses, remedy = (_in_json, "mend the file") if path.endswith(".json") else (_in_native, "mend the code")
    try:
        for use in uses(text):
            yield from _used(tree, use, roots, Place(path, *lines.place(use.offset)))
    except hcl.HclError as error:
        yield Problem(Place(path, error.line, error.column), error.what, remedy)


def _in_native(text: str) -> Iterator[_Use]:
    top = hcl.parse(text)
    for call in top.of("module"):
        for found in hcl.strings(call.body.attributes.get("source", ())):
            if _is_local(found.text):
                yield _Use(found.text, True, found.offset)
    for found in _strings(top):
        if _names_a_file(found):
            yield _Use(found.text, False, found.offset)


def _in_json(text: str) -> Iterator[_Use]:
    for found in hcl.texts(text):
        is_source = not found.is_key and found.keys[:1] == ("module",) and found.keys[2:] == ("source",)
        if is_source and _is_local(found.text):
            yield _Use(found.text, True, found.offset)
        elif found.text.startswith(_HERE):
            yield _Use(found.text, False, found.offset)
        for quoted in hcl.in_template(found.text):
            if _names_a_file(quoted):
                yield _Use(quoted.text, False, found.offset)


def _strings(body: hcl.Body) -> Iterator[hcl.Quoted]:
    for expression in body.attributes.values():
        yield from hcl.strings(expression)
    for block in body.blocks:
        yield from _strings(block.body)


def _is_local(source: str) -> bool:
    return source.startswith((".", "/"))


def _names_a_file(found: hcl.Quoted) -> bool:
    name, sign = found.before
    return (name in _READERS and sign == "(") or found.text.startswith(_HERE)


def _used(tree: Tree, use: _Use, roots: Sequence[str], place: Place) -> Iterator[Problem]:
    """What is wrong with a path that the code in the file at `place` uses."""
    folder, path = posixpath.dirname(place.path), use.path
    if not use.is_source:
        yield from _outside(path, folder, roots, place)
    elif path.startswith("."):
        target = within(folder, path)
        if target is None or not is_inside(target, roots):
            yield Problem(place, f"the module source `{path}` leads out of the module", _INCLUDE)
        elif not tree.names(target):
            yield Problem(place, f"the module source `{path}` is no folder of this repository", "mend the path")
    else:
        remedy = "name a folder of this repository, or a source with a version"
        yield Problem(place, f"the module source `{path}` is a path on the runner", remedy)


def _outside(path: str, folder: str, roots: Sequence[str], place: Place) -> Iterator[Problem]:
    """A file that is read from somewhere else than the module's folders."""
    if path.startswith(_HERE):
        known = path.removeprefix(_HERE).partition("${")[0]
        target = within(folder, known.lstrip("/") or ".")
        if target is None or not is_inside(target, roots):
            yield Problem(place, f"`{path}` leads out of the module", _INCLUDE)
    elif path.startswith(("/", "~")):
        yield Problem(place, f"`{path}` is a path on the runner", "copy the file into the module's folder")
    elif path.startswith(_ELSEWHERE) or not path.startswith("${"):
        remedy = "write `${path.module}/…` for a file of the module"
        yield Problem(place, f"`{path}` is read from where the engine runs, not from the module", remedy)
