"""How is a file that is no YAML explained? The parser's complaint, in the words of whoever wrote the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from controller.errors import Place, Problem

SIZE_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Said:
    """What the parser says (either of PyYAML's two), what is wrong then, what to do, and whether it began earlier."""

    pattern: str
    what: str
    remedy: str
    began: bool = False


_SAID = (
    _Said(r"tab character|character '\\t'", "there is a tab where blanks belong", "indent with blanks"),
    _Said("cannot start any token", "no value can begin with this character", "write the whole value in quotes"),
    _Said(
        "mapping values are not allowed",
        "there is a `:` that does not belong here",
        "check the indentation, and put a value that holds `: ` in quotes",
    ),
    _Said(
        "sequence entries are not allowed",
        "there is a `-` that does not belong here",
        "begin the list on a line of its own",
    ),
    _Said("unexpected ':'", "a `:` in brackets has no blank after it", "write one, or put the text in quotes"),
    _Said(
        "could not find expected ':'",
        "there is no `:` after this key",
        "write `key: value`, or check the indentation",
        began=True,
    ),
    _Said(
        "unexpected end of stream|unexpected document",
        "the text in quotes has no end",
        "add the closing quote",
        began=True,
    ),
    _Said(
        "unknown escape character",
        "a `\\` in double quotes is followed by a character that it cannot escape",
        "write `\\\\`, or use single quotes",
    ),
    _Said(
        r"invalid Unicode character|chr\(\) arg",
        "the escape in double quotes names no character",
        "write the character itself, or as `\\U0001F600`",
    ),
    _Said(
        r"expected ',' or ('\]'|'}')",
        "the list or map in brackets that begins here has no end, or lacks a `,`",
        "add the bracket or the comma",
        began=True,
    ),
    _Said(
        "expected '-' indicator|expected <block end>|expected key",
        "the indentation does not fit the lines above, or a quote closed too early",
        "line it up with them",
    ),
    _Said("undefined tag handle", "the tag is not known here", "remove it"),
    _Said("incompatible YAML document|version number", "the YAML version is not known", "remove the line `%YAML`"),
    _Said(
        "comment or line break|chomping or indentation",
        "there is text after `|` or `>`",
        "begin the text on the next line",
    ),
    _Said(
        "<document start>",
        "there is something after the end of the document",
        "check the indentation, or put a line `---` before it",
    ),
    _Said("maximum nesting depth", "values are nested more than 100 deep", "make it flatter"),
    _Said("node content", "a value is missing here", "write one, or remove the sign before it"),
)
_TAB = _SAID[0]
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INVISIBLE = {
    "\0": "the character NUL",
    "\ufeff": "a byte order mark (U+FEFF)",
    "\x85": "an invisible line break (U+0085)",
    "\u2028": "an invisible line break (U+2028)",
    "\u2029": "an invisible line break (U+2029)",
}


def decoded(path: str, content: bytes) -> str | Problem:
    """The text of a file, or why it is none that YAML may have."""
    if len(content) > SIZE_LIMIT:
        return Problem(Place(path), "the file is larger than 1 MiB", "split it")
    wide = _wide(content[:4])
    if wide is not None:
        return Problem(Place(path), f"the file is {wide}", "save it as UTF-8")
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return Problem(_place(path, content[: error.start].decode()), "the file is not UTF-8", "save it as UTF-8")
    found = _FORBIDDEN.search(text)
    if found is None:
        return text
    name = _INVISIBLE.get(found[0], f"a control character (U+{ord(found[0]):04X})")
    return Problem(_place(path, text[: found.start()]), f"there is {name} in the file", "remove it")


def _wide(start: bytes) -> str | None:
    """The encoding of a file with several bytes a character, by its mark or by the zeros beside its first one."""
    if start in {b"\xff\xfe\0\0", b"\0\0\xfe\xff"} or start.count(0) == 3:
        return "UTF-32"
    is_marked = start[:2] in {b"\xff\xfe", b"\xfe\xff"}
    return "UTF-16" if is_marked or start[:2].count(0) == start[2:].count(0) == 1 else None


def problem(path: str, text: str, error: Exception) -> Problem:
    """A complaint of the parser as a problem with its place."""
    mark = getattr(error, "problem_mark", None)
    complaint = str(getattr(error, "problem", None) or error)
    said = next((said for said in _SAID if re.search(said.pattern, complaint)), None)
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        said = _TAB
    if said is not None and said.began:
        mark = getattr(error, "context_mark", None) or mark
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    if mark is not None and mark.index >= len(text):
        place = _place(path, text.rstrip())
    if said is None:
        return Problem(place, f"this is no YAML ({complaint})", "check indentation, quotes and brackets")
    return Problem(place, said.what, said.remedy)


def _place(path: str, before: str) -> Place:
    """Where a text goes on after `before`."""
    lines = re.split("\r\n|\r|\n", before.removeprefix("\ufeff"))
    return Place(path, len(lines), len(lines[-1]) + 1)
