"""Mistakes of chance in files that were right, and what is always true of what is said about them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from controller.errors import Place, Problem
from controller.model.tree import Tree
from tests import hostile, yaml_styles
from tests.generated import Generated

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Mutation:
    """What was done to which file; `files` are those of the whole repository after it."""

    what: str
    path: str
    files: Files


def mutation(chance: Random, found: Generated, paths: Iterable[str] | None = None) -> Mutation:
    """One mistake in one of these files, or in any that is read."""
    files = found.files()
    known = sorted(files if paths is None else paths)
    path = chance.choice(known)
    if path in found.documents and chance.random() < 0.5:
        name, change = chance.choice(_IN_DOCUMENTS)
        document = copy.deepcopy(found.documents[path])
        change(chance, document)
        return Mutation(name, path, {**files, path: yaml_styles.written(document, chance)})
    name, edit = chance.choice(_IN_FILES)
    return Mutation(name, path, edit(chance, dict(files), path))


def faults(problems: Iterable[Problem], tree: Tree) -> Iterator[str]:
    """What is wrong with the problems themselves: each stands somewhere, says something, and what to do about it."""
    for problem in problems:
        text = str(problem)
        if "\n" in text or not problem.what.strip() or not problem.remedy.strip():
            yield f"not a sentence and a remedy: {text!r}"
        if not isinstance(problem.where, Place):
            yield f"no place: {text}"
        elif not _is_in(problem.where, tree) and not _is_missing(problem):
            yield f"no such place: {text}"


def _is_missing(problem: Problem) -> bool:
    """Whether the problem is that there is nothing at its place."""
    return "is missing" in problem.what or "there is no folder" in problem.what


def _is_in(place: Place, tree: Tree) -> bool:
    try:
        content = tree.read(place.path).decode(errors="replace").removeprefix("\ufeff")
    except KeyError:
        return bool(tree.names(place.path)) and (place.line, place.column) == (1, 1)
    # A carriage return ends a line of YAML, but not of code.
    both = (re.split("\r\n|\r|\n", content), content.split("\n"))
    return any(place.line <= len(lines) and place.column <= len(lines[place.line - 1]) + 1 for lines in both)


def _flipped(chance: Random, files: dict[str, bytes], path: str) -> Files:
    content = bytearray(files[path] or b"x")
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return files | {path: bytes(content)}


def _inserted(chance: Random, files: dict[str, bytes], path: str) -> Files:
    content, piece = (
        files[path],
        chance.choice([*hostile.PIECES, *hostile.WHOLE, "\0", "\t", "? ", "---\n", "..."]).encode(),
    )
    at = chance.randrange(len(content) + 1)
    return files | {path: content[:at] + piece + content[at:]}


def _cut(chance: Random, files: dict[str, bytes], path: str) -> Files:
    return files | {path: files[path][: chance.randrange(len(files[path]) + 1)]}


def _dropped(chance: Random, files: dict[str, bytes], path: str) -> Files:
    lines = files[path].splitlines(keepends=True)
    at = chance.randrange(len(lines) or 1)
    return files | {path: b"".join(lines[:at] + lines[at + 1 :])}


def _doubled(chance: Random, files: dict[str, bytes], path: str) -> Files:
    lines = files[path].splitlines(keepends=True) or [b""]
    at = chance.randrange(len(lines))
    return files | {path: b"".join([*lines[: at + 1], *lines[at:]])}


def _indented(chance: Random, files: dict[str, bytes], path: str) -> Files:
    lines = files[path].splitlines(keepends=True) or [b""]
    at = chance.randrange(len(lines))
    return files | {path: b"".join([*lines[:at], b" " + lines[at], *lines[at + 1 :]])}


def _deleted(chance: Random, files: dict[str, bytes], path: str) -> Files:
    return {name: content for name, content in files.items() if name != path}


def _renamed(chance: Random, files: dict[str, bytes], path: str) -> Files:
    folder, slash, name = path.rpartition("/")
    at = chance.randrange(len(name))
    other = chance.choice([name[:at] + name[at + 1 :], name[:at] + "x" + name[at:], name.replace(".yaml", ".yml")])
    return {**_deleted(chance, files, path), f"{folder}{slash}{other or 'x'}": files[path]}


def _swapped(chance: Random, files: dict[str, bytes], path: str) -> Files:
    """With the content of another file."""
    return files | {path: files[chance.choice(sorted(files))]}


def _misspelt(chance: Random, files: dict[str, bytes], path: str) -> Files:
    """A letter of a placeholder, or of any word, is another one."""
    spots = [found.span() for found in re.finditer(rb"\$\{[^}]*\}|[A-Za-z_-]{3,}", files[path])]
    if not spots:
        return _inserted(chance, files, path)
    start, end = chance.choice(spots)
    at = chance.randrange(start, end)
    letter = bytes([chance.choice(b"abz.-_$}{0 '")])
    return files | {path: files[path][:at] + letter + files[path][at + 1 :]}


_IN_FILES: list[tuple[str, Callable[[Random, dict[str, bytes], str], Files]]] = [
    ("flipped", _flipped),
    ("inserted", _inserted),
    ("cut", _cut),
    ("dropped", _dropped),
    ("doubled", _doubled),
    ("indented", _indented),
    ("deleted", _deleted),
    ("renamed", _renamed),
    ("swapped", _swapped),
    ("misspelt", _misspelt),
]


def _spots(node: Any) -> list[tuple[Any, Any]]:
    """Every entry of every map and list, as its container and its key or index."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [spot for key in keys for spot in [(node, key), *_spots(node[key])]]


def _retyped(chance: Random, document: list[Any]) -> None:
    holder, key = chance.choice(_spots(document))
    holder[key] = chance.choice([None, True, 3, -1.5, "", "x", [], {}, ["x"], {"x": 1}, [None], hostile.value(chance)])


def _without(chance: Random, document: list[Any]) -> None:
    holder, key = chance.choice(_spots(document))
    del holder[key]


def _rekeyed(chance: Random, document: list[Any]) -> None:
    holder, key = chance.choice(_spots(document))
    if isinstance(key, str):
        name = chance.choice([key + "x", key[1:], hostile.text(chance), str(holder[key])[:40], key.upper()])
        holder[hostile.normal(name)] = holder.pop(key)
    else:
        holder.append(copy.deepcopy(holder[key]))


def _exchanged(chance: Random, document: list[Any]) -> None:
    """One value stands where another stood."""
    (one, key), (other, name) = chance.choice(_spots(document)), chance.choice(_spots(document))
    one[key] = copy.deepcopy(other[name])


def _misplaced(chance: Random, document: list[Any]) -> None:
    """A text becomes a placeholder that may not stand there, or names nothing."""
    texts = [(holder, key) for holder, key in _spots(document) if isinstance(holder[key], str)]
    holder, key = chance.choice(texts or _spots(document))
    holder[key] = chance.choice(_PLACEHOLDERS)


_PLACEHOLDERS = (
    "${resources.x.outputs.y}",
    "${shared.cache.outputs.source}",
    "${self.outputs.source}",
    "${select.consumers('gateway').outputs.source}",
    "${select.dependencies('score-workload').consumers('x.@#@').outputs.host}",
    "${var.X}",
    "${context.res_id}",
    "${context.org_id}",
    "${context.x}",
    "${",
    "$${",
    "${}",
    "${resources.r0}",
    "a${context.env_id}$",
    "@",
    "@-x",
)

_IN_DOCUMENTS: list[tuple[str, Callable[[Random, list[Any]], None]]] = [
    ("retyped", _retyped),
    ("without", _without),
    ("rekeyed", _rekeyed),
    ("exchanged", _exchanged),
    ("misplaced", _misplaced),
]
