"""What does a file say that a Score file mounts? Read from the commit, and from nowhere but below the Score file."""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass

from controller.errors import Place, Problem, suggest
from controller.manifest import filenames, links, pointers
from controller.manifest.phrases import shown
from controller.manifest.syntax import SIZE_LIMIT
from controller.model.tree import Kind, Tree


@dataclass(frozen=True, slots=True)
class Embedded:
    """The content of a file: `content` where it is text, else `binaryContent` in base64; and where it lies."""

    key: str
    text: str
    path: str


def embedded(tree: Tree, folder: str, source: str, place: Place) -> Embedded | Problem:
    """The file at `source`, relative to the Score file's folder; a problem where it cannot be had."""
    if source.startswith("/"):
        return Problem(
            place, f"`{shown(source)}` is an absolute path", "write it relative to the Score file, without `/`"
        )
    path = links.resolved(tree, as_named(tree, filenames.join(folder, source)))
    if path is None or _leaves(source) or not (path == folder or links.is_within(path, folder)):
        return _missing(tree, folder, source, place)
    if links.kind(tree, path) not in {Kind.FILE, Kind.EXECUTABLE}:
        return Problem(place, f"`{shown(source)}` is a folder", "name a file in it")
    content = tree.read(path)
    if len(content) > SIZE_LIMIT:
        return Problem(place, f"`{shown(source)}` is larger than 1 MiB", "mount a volume instead")
    if pointers.is_pointer(content):
        return pointers.problem(place, f"`{shown(source)}`")
    text = _text(content)
    if text is None:
        return Embedded("binaryContent", base64.b64encode(content).decode("ascii"), path)
    return Embedded("content", text, path)


def as_named(tree: Tree, path: str) -> str:
    """The path as the commit spells it: a text of YAML is in NFC, the name of a file need not be."""
    done = ""
    for step in path.split("/"):
        names = () if step.isascii() else tree.names(done)
        name = step if step in names else next((each for each in names if _is_same(each, step)), step)
        done = filenames.join(done, name)
    return done


def _is_same(name: str, step: str) -> bool:
    return unicodedata.normalize("NFC", name) == step


def _missing(tree: Tree, folder: str, source: str, place: Place) -> Problem:
    path = as_named(tree, filenames.join(folder, source))
    if _leaves(source) or links.resolved(tree, path) is not None:
        what = f"`{shown(source)}` leads out of the folder of the Score file"
        return Problem(place, what, "keep the file beside the Score file or below it")
    if links.kind(tree, path) is Kind.LINK:
        what = f"`{shown(source)}` is a symbolic link that leads to no file of this repository"
        return Problem(place, what, "put the file in its place")
    if _is_in_submodule(tree, path):
        return Problem(place, f"`{shown(source)}` lies in a submodule, which is not read", "copy the file")
    here, _, name = source.rpartition("/")
    around = links.resolved(tree, filenames.join(folder, here))
    known = tree.names(around) if around is not None else {}
    return Problem(
        place, f"there is no file `{shown(source)}` beside the Score file", suggest(name, known, "add it to the commit")
    )


def _is_in_submodule(tree: Tree, path: str) -> bool:
    steps = path.split("/")
    return any(links.kind(tree, "/".join(steps[:n])) is Kind.SUBMODULE for n in range(1, len(steps) + 1))


def _leaves(source: str) -> bool:
    """Whether the path, read from left to right, is ever above where it began."""
    depth = 0
    for step in source.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(step, 1)
        if depth < 0:
            return True
    return False


def _text(content: bytes) -> str | None:
    """The text of a file; None for what a text of a manifest cannot hold to the letter."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    normal = unicodedata.normalize("NFC", text)
    # The engine would normalise it. Where nothing has to be filled in, the bytes can be kept instead.
    if "\0" in text or (normal != text and "$" not in text):
        return None
    return normal
