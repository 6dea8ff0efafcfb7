"""Does a node give its module what it needs? Params by name and type, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from controller.errors import near, quoted, suggest
from controller.graph.allowed import Spot
from controller.graph.draft import Draft
from controller.graph.placeholders import MalformedError, parse
from controller.graph.report import Report
from controller.model.catalog import Module, ModuleParam
from controller.model.document import Node


def check_params(draft: Draft, module: Module, report: Report, *, is_whole: bool = True) -> None:
    """Compare what was given with what the module takes; a `null` counts as not given.

    Of a manifest that could not be read as a whole, a param that is missing may be given somewhere.
    """
    entries = draft.given[0].params.entries if draft.given else {}
    misspelt = {near(name, module.params) for name in entries if name not in module.params}
    for name, node in entries.items():
        if name not in module.params:
            _report_unknown(draft, module, name, node, report)
        elif node.value is not None and not _fits(node, module.params[name].type):
            _report_type(draft, module, name, node, report)
    for name, param in sorted(module.params.items()) if is_whole else ():
        is_missing = name not in entries or entries[name].value is None
        if is_missing and not param.is_optional and name not in misspelt:
            _report_missing(draft, module, name, param, report)


_KINDS: Mapping[type, str] = {str: "string", bool: "bool", int: "number", float: "number", tuple: "list"}
_WORDS: Mapping[str, str] = {
    "string": "a string",
    "number": "a number",
    "bool": "true or false",
    "list": "a list",
    "map": "a map",
    "null": "null",
}
_SCALARS = frozenset({"string", "number", "bool"})
_PLAIN: Mapping[str, str] = {"number": r"-?[0-9]+(\.[0-9]+)?", "bool": "true|false"}  # as text, without its quotes


def _kind(node: Node) -> str:
    if node.value is None:
        return "null"
    return _KINDS.get(type(node.value), "map")


def _fits(node: Node, wanted: str) -> bool:
    kind = _kind(node)
    if wanted in ("any", kind):
        return True
    if kind != "string":
        return False
    try:
        parts = parse(str(node.value))
    except MalformedError:
        return True  # said elsewhere
    # A placeholder that stands alone may yield anything; with text around it, a scalar that the engine converts.
    has_placeholder = any(not isinstance(part, str) for part in parts)
    return has_placeholder and (len(parts) == 1 or wanted in _SCALARS)


def _report_unknown(draft: Draft, module: Module, name: str, node: Node, report: Report) -> None:
    known = quoted(sorted(module.params))
    otherwise = f"it takes {known}" if known else "it takes none"
    what = f"module `{module.id}` has no param `{name}`"
    report.of_node(draft, node.key or node.place, what, suggest(name, module.params, otherwise))


def _report_type(draft: Draft, module: Module, name: str, node: Node, report: Report) -> None:
    wanted, got = module.params[name].type, _kind(node)
    what = f"param `{name}` of module `{module.id}` is {_WORDS[wanted]}, not {_WORDS[got]}"
    is_quoted = got == "string" and re.fullmatch(_PLAIN.get(wanted, "(?!)"), str(node.value)) is not None
    remedy = "write it without quotes" if is_quoted else "quote it" if wanted == "string" and got in _SCALARS else ""
    report.of_node(draft, node.place, what, remedy or f"write {_WORDS[wanted]}, or a placeholder that yields one")


def _report_missing(draft: Draft, module: Module, name: str, param: ModuleParam, report: Report) -> None:
    kind = "value of any type" if param.type == "any" else param.type
    what = f"module `{module.id}` needs param `{name}`, a {kind}"
    where = draft.given[0].params.place if draft.given else draft.place
    spot = draft.given[0].spot if draft.given else None
    if draft.parent is not None or spot in (Spot.DEPENDENCY, Spot.COPROVISIONED):
        report.of_node(draft, where, what, f"add `{name}` to the `params` in the module that asks for the resource")
    else:
        report.of_node(draft, where, what, f"add `{name}` to its `params`")
