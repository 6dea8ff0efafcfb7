r"""What do the placeholders of a Score text become in a manifest?

`${metadata.k}` becomes its value, `${resources.r.k}` becomes `${resources.r.outputs.k}`, `$$` is a dollar, and `$${x}`
the text `${x}`; but `$${context.k}`, `$${shared.…}` and `$${select.…}` become placeholders of the manifest, which Score
has no other way to write. All other text is escaped, so that it comes out as it was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from controller.errors import MOST, suggest
from controller.manifest.phrases import shown
from controller.model.document import Json, Node, plain

_TOKEN = re.compile(r"\$(?:\$?\{[^}]*\}|\$)")
_PAIR = re.compile(r"\$\$")
_PASSED_ON = re.compile(r"(?:context|shared|select)\.[^{}]+")
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_OUTPUT = re.compile("[A-Za-z_]")
_ROOTS = ("metadata", "resources")
# Stands in for a placeholder that is wrong: nobody uses such a text, but what is around it is looked at as well.
_ANYTHING = "${context.env_id}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a placeholder, at which character of the text, and what to do."""

    at: int
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What placeholders of a Score file may name. `source_of`: a bare `${resources.x}` means its output `source`.

    Of a file that could not be read as a whole there may be more than is known here.
    """

    metadata: Node
    resources: frozenset[str]
    source_of: bool = False
    is_whole: bool = True


class _MistakenError(Exception):
    """A placeholder that says nothing: why, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def literal(text: str) -> str:
    r"""The text of a manifest that says `text`: each `${` becomes `$\{`, and `$\{` gets one more backslash."""
    return re.sub(r"\$(\\*)\{", r"$\\\1{", text)


def rewritten(text: str, scope: Scope) -> tuple[str, tuple[Mistake, ...]]:
    """The text of a manifest that says what the Score text means, and what is wrong in it."""
    if "$" not in text:
        return text, ()
    done: list[str] = []
    pending = ""  # literal text, escaped as one piece
    mistakes: list[Mistake] = []
    for at, piece, is_placeholder in _pieces(text, scope, mistakes):
        if not is_placeholder:
            pending += piece
            continue
        if pending.endswith("$"):
            what = f"a `$` stands directly before the placeholder `{piece}`, which a manifest cannot say"
            mistakes.append(Mistake(at, what, "put something between them"))
        done += literal(pending), piece
        pending = ""
    return "".join((*done, literal(pending))), tuple(mistakes)


def as_text(value: Json) -> str:
    """A value of the metadata inside of a text: a text as it is, all else as JSON, as Go would write it."""
    if isinstance(value, str):
        return value
    found = _go_json(value)
    for letter in "<>&\u2028\u2029":
        found = found.replace(letter, f"\\u{ord(letter):04x}")
    return found


def _pieces(text: str, scope: Scope, mistakes: list[Mistake]) -> Iterator[tuple[int, str, bool]]:
    """Position and text of each piece, and whether it is a placeholder of the manifest."""
    position = 0
    for token in _tokens(text):
        yield position, text[position : token.start()], False
        position = token.end()
        found = token[0]
        if found == "$$":
            yield token.start(), "$", False
        elif found.startswith("$$"):
            yield token.start(), found[1:], _PASSED_ON.fullmatch(found[3:-1]) is not None
        else:
            try:
                yield token.start(), *_looked_up(found, scope)
            except _MistakenError as mistake:
                mistakes.append(Mistake(token.start(), mistake.what, mistake.remedy))
                yield token.start(), _ANYTHING, True
                if len(mistakes) >= MOST:
                    return
    yield position, text[position:], False


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """Placeholders and pairs of dollars; behind the last `}` nothing is looked for that one would close."""
    end = text.rfind("}") + 1
    yield from _TOKEN.finditer(text, 0, end)
    yield from _PAIR.finditer(text, end)


def _looked_up(whole: str, scope: Scope) -> tuple[str, bool]:
    root, *keys = _steps(whole[2:-1])
    find = _LOOKUPS.get(root)
    if find is None:
        what = f"placeholder `{shown(whole)}` begins with neither `metadata` nor `resources`"
        raise _MistakenError(what, suggest(root, _ROOTS, f"write `${shown(whole)}` if the text itself is meant"))
    return find(whole, keys, scope)


def _steps(body: str) -> list[str]:
    r"""The body split at its dots; `\.` is a dot within a step."""
    return [step.replace("\0", ".") for step in body.replace("\\.", "\0").split(".")]


def _of_metadata(whole: str, keys: list[str], scope: Scope) -> tuple[str, bool]:
    if not keys:
        raise _MistakenError(f"placeholder `{shown(whole)}` names no key", "write it as `${metadata.name}`")
    node = scope.metadata
    for depth, key in enumerate(keys):
        path = ".".join(("metadata", *keys[:depth]))
        if not node.is_map:
            what = f"placeholder `{shown(whole)}` looks for `{shown(key)}`, but `{path}` is no map"
            raise _MistakenError(what, f"write `${{{path}}}`")
        if key not in node.entries and not scope.is_whole:
            return "", False
        if key not in node.entries:
            what = f"placeholder `{shown(whole)}` looks for `{shown(key)}`, which `{path}` does not have"
            raise _MistakenError(
                what, suggest(key, node.entries, "add it, or write `$${…}` if the text itself is meant")
            )
        node = node.entries[key]
    return as_text(plain(node)), False


def _of_resource(whole: str, keys: list[str], scope: Scope) -> tuple[str, bool]:
    if not keys:
        raise _MistakenError(f"placeholder `{shown(whole)}` names no resource", "write it as `${resources.NAME.KEY}`")
    name, *path = keys
    if name not in scope.resources and scope.is_whole:
        what = f"placeholder `{shown(whole)}` names the resource `{shown(name)}`, which this file does not have"
        raise _MistakenError(what, suggest(name, scope.resources, "add it to `resources`"))
    if not path and not scope.source_of:
        what = f"placeholder `{shown(whole)}` names a whole resource, which only the source of a volume may"
        raise _MistakenError(what, f"name one of its outputs, as in `${{resources.{name}.host}}`")
    wrong = next((key for key in path if not _KEY.fullmatch(key)), None)
    if wrong is not None:
        what = f"placeholder `{shown(whole)}` asks for an output `{shown(wrong)}`"
        raise _MistakenError(what, "an output's name has letters, digits, `_` and `-` only")
    if path and not _OUTPUT.match(path[0]):
        what = f"placeholder `{shown(whole)}` asks for an output `{path[0]}`, which no module can have"
        raise _MistakenError(what, "an output's name begins with a letter or `_`")
    return f"${{resources.{name}.outputs.{'.'.join(path or ['source'])}}}", True


_LOOKUPS: Mapping[str, Callable[[str, list[str], Scope], tuple[str, bool]]] = {
    "metadata": _of_metadata,
    "resources": _of_resource,
}


def _go_json(value: Json) -> str:
    if isinstance(value, dict):
        entries = (f"{json.dumps(key, ensure_ascii=False)}:{_go_json(value[key])}" for key in sorted(value))
        return "{" + ",".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_go_json(item) for item in value) + "]"
    if isinstance(value, float):
        return _go_number(value)
    return json.dumps(value, ensure_ascii=False)


def _go_number(value: float) -> str:
    """Exponents only outside of 1e-6 to 1e21, and then without a leading zero."""
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return re.sub(r"e([-+])0", r"e\1", repr(value))
