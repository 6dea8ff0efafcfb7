"""What of the engine's diagnostics may everybody read?

Details are written by providers and may quote any value. So they are public only where no provider has spoken yet, and
never where a resource or provider is named. The standard library is all that this module needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from controller.tofu.names import METADATA, workload_of

_OPEN_STEPS = ("init", "validate")
_OF_A_PROVIDER = re.compile(r"^(?:resource|data|ephemeral|provider|provisioner|connection)\b")
_ADDRESS_OF_A_PROVIDER = re.compile(r'^provider\["')
_NODE_OF_THE_METADATA = re.compile(r"^\$\{lookup\(module\.([^,]+),")
_IN_A_MODULE = re.compile(r"^(?:\./)?modules/([^/]+)/[^/]+/(.+)$")
_URL = re.compile(r"""([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/\s"'@]*@)?([^\s"'<>?]*)(?:\?[^\s"'<>]*)?""")
_ROOT = "main.tf.json"
# Every provider block has a local name of its own, several may have one source: our way of naming, nobody's mistake.
_OURS = "Duplicate required provider"


def public(
    diagnostic: Mapping[str, Any], step: str, mask: Callable[[str], str], main: str = ""
) -> dict[str, Any] | None:
    """The public part of a diagnostic of a step; None where it concerns nobody.

    `main` is the text of the bundle's `main.tf.json`: with it, what is wrong there is said of the node, provider or
    workload that it was written for. `withheld` says that there is more in the log.
    """
    summary = str(diagnostic.get("summary") or "")
    if not summary or (summary == _OURS and diagnostic.get("severity") == "warning"):
        return None
    address = diagnostic.get("address")
    entry: dict[str, Any] = {"severity": str(diagnostic.get("severity") or "error"), "summary": _said(summary, mask)}
    if address:
        entry |= _named(str(address), main)
    entry |= _place(diagnostic.get("range"), main)
    detail = str(diagnostic.get("detail") or "")
    if detail and step in _OPEN_STEPS and not address and not _is_of_a_provider(diagnostic):
        entry["detail"] = _said(detail, mask)
    elif detail:
        entry["withheld"] = True
    return entry


def _said(text: str, mask: Callable[[str], str]) -> str:
    """Words of the engine; URLs of registries and mirrors lose what may open a door: user, password, query."""
    return _URL.sub(r"\1\2", mask(text))


def _is_of_a_provider(diagnostic: Mapping[str, Any]) -> bool:
    snippet = diagnostic.get("snippet")
    context = snippet.get("context") if isinstance(snippet, Mapping) else None
    return bool(_OF_A_PROVIDER.match(str(context or "")))


def _named(address: str, main: str) -> dict[str, Any]:
    """The address, and what of ours it belongs to."""
    found = {"address": address}
    if _ADDRESS_OF_A_PROVIDER.match(address):
        found["provider"] = address
        return found
    module, rest = _split(address)
    if rest:
        found["resource"] = rest
    return found | (_node(module, main) if module else {})


def _split(address: str) -> tuple[str, str]:
    """Name of the root module's call, and the address of the resource within it."""
    if not address.startswith("module."):
        return "", address
    module, _, rest = address.removeprefix("module.").partition(".")
    return module.partition("[")[0], rest


def _place(range_: Any, main: str) -> dict[str, Any]:
    """File and line in Git, or what a line of the generated file was written for."""
    if not isinstance(range_, Mapping) or not isinstance(range_.get("filename"), str):
        return {}
    start = range_.get("start")
    line = start.get("line") if isinstance(start, Mapping) else None
    found = _IN_A_MODULE.match(range_["filename"])
    if found:
        # Inline code lies alone in its folder and is a part of the module's document: its lines count from there.
        return {"file": found[2], "line": line} if "/" in found[2] else {"code_of": found[1], "line": line}
    if range_["filename"] == _ROOT and isinstance(line, int):
        return _written_for(line, main)
    return {}


def _written_for(line: int, main: str) -> dict[str, Any]:
    """What the block is that a line of the generated file lies in: it has a line for each section and block."""
    section = block = None
    for text in main.splitlines()[:line]:
        opened = re.match(r'^( {2}| {4})"((?:[^"\\]|\\.)*)": ', text)
        if opened and len(opened[1]) == 2:
            section, block = opened[2], None
        elif opened:
            block = opened[2]
    if block is None:
        return {}
    if section == "module":
        return _node(block, main)
    if section == "provider":
        return {"provider": block}
    return {"workload": workload_of(block)} if section == "output" and block != METADATA else {}


def _node(module: str, main: str) -> dict[str, Any]:
    """The coordinate of a module block: the metadata output has an entry for each."""
    try:
        metadata = json.loads(main)["output"][METADATA]["value"]
    except (ValueError, KeyError, TypeError):
        return {"module": module}
    for coordinate, expression in metadata.items() if isinstance(metadata, Mapping) else ():
        found = _NODE_OF_THE_METADATA.match(str(expression))
        if found and found[1] == module:
            return {"module": coordinate}
    return {"module": module}
