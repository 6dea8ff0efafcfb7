"""Does the code of a module use nothing outside its own folders? What it takes from elsewhere no digest would cover."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from controller.catalog import hcl
from controller.catalog.folders import is_inside, within
from controller.errors import Place, Problem
from controller.manifest import links
from controller.model.document import Json
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
            elif path.endswith((".tf", ".tofu")):
                yield from _native(tree, path, roots)
            elif path.endswith((".tf.json", ".tofu.json")):
                yield from _json(tree, path, roots)


def code_problems(code: str, place: Place) -> Iterator[Problem]:
    """The same of code that stands in the module's own document, where there is no folder at all."""
    for found in hcl.literals(code):
        line, column = hcl.position(code, found.offset)
        if isinstance(found, hcl.Fault):
            yield Problem(
                place, f"line {line} of `module_source_code`: {found.what} (column {column})", "mend the code"
            )
        elif (path := _path(found)) is not None and path.startswith((".", _HERE)):
            what = f"line {line} of `module_source_code` uses `{path}`, but inline code has no files beside it"
            yield Problem(place, what, "make the module a folder, with `module_source: .`")
        elif path is not None:
            yield from _outside(path, "", (), place)


def _link(tree: Tree, path: str, roots: Sequence[str]) -> Iterator[Problem]:
    target = links.resolved(tree, path)
    if target is None:
        yield Problem(Place(path), "the symbolic link leads to no file of this repository", "put the file in its place")
    elif not is_inside(target, roots):
        yield Problem(Place(path), f"the symbolic link leads to `{target}`, outside the module", _INCLUDE)


def _native(tree: Tree, path: str, roots: Sequence[str]) -> Iterator[Problem]:
    text = tree.read(path).decode(errors="replace")
    for found in hcl.literals(text):
        place = Place(path, *hcl.position(text, found.offset))
        if isinstance(found, hcl.Fault):
            yield Problem(place, found.what, "mend the code")
        elif (used := _path(found)) is not None:
            yield from _used(tree, used, found.before == ("source", "="), roots, place)


def _json(tree: Tree, path: str, roots: Sequence[str]) -> Iterator[Problem]:
    text = tree.read(path).decode(errors="replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        yield Problem(Place(path, line, column), "this is not JSON", "mend the file")
        return
    for is_source, value in _strings(document):
        offset = text.find(json.dumps(value, ensure_ascii=False))
        place = Place(path, *hcl.position(text, max(offset, 0)))
        if is_source and value.startswith((".", "/")):
            yield from _used(tree, value, True, roots, place)
        elif value.startswith(_HERE):
            yield from _used(tree, value, False, roots, place)
        for found in hcl.inside(value):
            if isinstance(found, hcl.Literal) and (used := _path(found)) is not None:
                yield from _used(tree, used, False, roots, place)


def _strings(value: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[bool, str]]:
    """Every string of a file, and whether it is the source of a module."""
    if isinstance(value, str):
        yield path[:1] == ("module",) and path[-1:] == ("source",), value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _strings(entry, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, path)


def _path(found: hcl.Literal) -> str | None:
    """The path that a string names, as far as that can be told."""
    text, (name, sign) = found.text, found.before
    if name == "source" and sign == "=":
        return text if text.startswith((".", "/")) else None
    if name in _READERS and sign == "(":
        return text
    return text if text.startswith(_HERE) else None


def _used(tree: Tree, path: str, is_source: bool, roots: Sequence[str], place: Place) -> Iterator[Problem]:
    """What is wrong with a path that the code in the file at `place` uses."""
    folder = posixpath.dirname(place.path)
    if is_source and path.startswith("."):
        target = within(folder, path)
        if target is None or not is_inside(target, roots):
            yield Problem(place, f"the module source `{path}` leads out of the module", _INCLUDE)
        elif not tree.names(target):
            yield Problem(place, f"the module source `{path}` is no folder of this repository", "mend the path")
    elif is_source:
        remedy = "name a folder of this repository, or a source with a version"
        yield Problem(place, f"the module source `{path}` is a path on the runner", remedy)
    else:
        yield from _outside(path, folder, roots, place)


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
