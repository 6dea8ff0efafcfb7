"""What does a line of the engine's `-json` output say: to the reader of the log, and to everybody?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.model.document import Json

# Beginning and end of each resource, and that its provisioners began; progress in between is for the log alone.
_RESOURCE_EVENTS = frozenset({"apply_start", "apply_complete", "apply_errored", "provision_start"})
_DUMP = '"state":{'
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LONGEST = 4 * 1024 * 1024  # a line that is longer is no JSON of the engine's; memory is worth more


@dataclass(frozen=True, slots=True)
class Said:
    """One line, taken apart. `text` and `diagnostic` may hold secrets, `identity` is private, `event` is public.

    `state`: a whole state, which the engine says where it can save it nowhere, not even in a file.
    """

    text: str
    event: Json = None
    identity: Json = None
    diagnostic: Json = None
    state: bytes | None = None


class Lines:
    """Cuts a stream into lines as it comes."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines
        if len(self._rest) > _LONGEST:
            yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """What came after the last newline."""
        rest, self._rest = self._rest, b""
        if rest:
            yield rest


def read(line: bytes) -> Said:
    """Take one line apart; whatever is no message of the engine's is text for the log."""
    text = line.decode(errors="replace").rstrip("\r")
    message = _object(text)
    if message is None or not isinstance(message.get("@message"), str):
        return Said(_COLOURS.sub("", text) + "\n")
    diagnostic = message.get("diagnostic")
    if isinstance(diagnostic, dict):
        return Said(_rendered(diagnostic), diagnostic=diagnostic)
    return Said(f"{message['@message']}\n", _event(message), _identity(message), state=_state(message, text))


def _object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _event(message: Mapping[str, Any]) -> Json:
    type_ = _text(message.get("type"))
    if type_ in _RESOURCE_EVENTS:
        hook = _map(message.get("hook"))
        resource = _map(hook.get("resource"))
        event = {
            "type": type_,
            "address": _text(resource.get("addr")),
            "resource_type": _text(resource.get("resource_type")),
            "action": _text(hook.get("action")),
        }
        seconds = hook.get("elapsed_seconds")
        return event | ({"seconds": seconds} if isinstance(seconds, (int, float)) else {})
    if type_ == "change_summary":
        changes = _map(message.get("changes"))
        counts = {key: value for key, value in changes.items() if isinstance(value, int)}
        return {"type": "change_summary", "operation": _text(changes.get("operation")), "changes": counts}
    return None


def _identity(message: Mapping[str, Any]) -> Json:
    hook = _map(message.get("hook"))
    if message.get("type") != "apply_complete" or not hook.get("id_key"):
        return None
    resource = _map(hook.get("resource"))
    return {
        "address": _text(resource.get("addr")),
        "resource_type": _text(resource.get("resource_type")),
        "action": _text(hook.get("action")),
        "key": _text(hook["id_key"]),
        "value": _text(hook.get("id_value")),
    }


def _state(message: Mapping[str, Any], text: str) -> bytes | None:
    """The text of it as the engine wrote it: its numbers may have more digits than ours."""
    if not isinstance(message.get("state"), dict) or message.get("type") != "log":
        return None
    found = text.find(_DUMP)
    if found < 0:
        return json.dumps(message["state"]).encode()
    start = found + len(_DUMP) - 1
    return text[start : json.JSONDecoder().raw_decode(text, start)[1]].encode()


def _rendered(diagnostic: Mapping[str, Any]) -> str:
    """The whole of a diagnostic as the engine's own terminal view words it, values and all."""
    lines = [f"{_text(diagnostic.get('severity')).capitalize()}: {_text(diagnostic.get('summary'))}", ""]
    if diagnostic.get("address"):
        lines.append(f"  with {diagnostic['address']},")
    range_, snippet = _map(diagnostic.get("range")), _map(diagnostic.get("snippet"))
    if range_:
        context = f", in {snippet['context']}" if snippet.get("context") else ""
        lines.append(f"  on {range_.get('filename')} line {_map(range_.get('start')).get('line')}{context}:")
    code = _text(snippet.get("code"))
    first = snippet.get("start_line")
    if code and isinstance(first, int):
        lines += [f"  {number:4}: {line}" for number, line in enumerate(code.splitlines(), first)]
    values = snippet.get("values")
    for value in values if isinstance(values, list) else []:
        lines.append(f"        {_map(value).get('traversal')} {_map(value).get('statement')}")
    detail = _text(diagnostic.get("detail"))
    return "\n".join([*lines, *(["", detail] if detail else []), "", ""])


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
