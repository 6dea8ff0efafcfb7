"""What will a plan change? Never a value of it, only what has which name.

The supervisor imports this module before anything else may go wrong: the standard library is all that it needs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from controller.tofu import addresses
from controller.tofu.names import METADATA, module_name_of, workload_of

FORMAT = 1

_ACTIONS = {
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
    ("forget", "create"): "replace",
    ("forget",): "forget",
}
_COUNTED = {"create": "create", "update": "update", "delete": "destroy", "replace": "replace"}


def summarize(show: Mapping[str, Any], mask: Callable[[str], str] = str) -> dict[str, Any]:
    """The public summary of a plan, from the engine's `show -json`.

    `module` of a change is the coordinate of the node that it belongs to, null where it belongs to none. `mask` hides
    what is secret in the keys of instances.
    """
    nodes = _nodes(show)
    changes = [_change(resource, nodes, mask) for resource in show.get("resource_changes") or () if _action(resource)]
    outputs = [
        {"name": workload_of(name), "action": _verb(change["actions"])}
        for name, change in sorted((show.get("output_changes") or {}).items())
        if change["actions"] != ["no-op"]
    ]
    managed = [change["action"] for change in changes if change.pop("mode") == "managed"]
    counts = {name: sum(_COUNTED.get(action) == name for action in managed) for name in _COUNTED.values()}
    imports = sum(is_import(change) for change in changes)
    return {
        "format": FORMAT,
        "changes": sorted(changes, key=lambda change: (change["address"], change["action"])),
        "counts": counts,
        "outputs": outputs,
        "empty": not changes and not outputs,
        **({"imports": imports} if imports else {}),
    }


def is_import(change: Mapping[str, Any]) -> bool:
    """Whether a change of a summary takes something over that is there already, and perhaps changes it as well."""
    return change["action"] == "import" or bool(change.get("import"))


def fingerprint(show: Mapping[str, Any], key: bytes) -> str:
    """A digest that two plans share when they would change the same things to the same values.

    Keyed, so that nobody can try out which value is behind it.
    """
    resources = [_imprint(resource) for resource in show.get("resource_changes") or () if _action(resource)]
    outputs = {name: change["actions"] for name, change in (show.get("output_changes") or {}).items()}
    text = json.dumps([sorted(map(_canonical, resources)), outputs], separators=(",", ":"), sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _change(resource: Mapping[str, Any], nodes: Mapping[str, str], mask: Callable[[str], str]) -> dict[str, Any]:
    change = resource["change"]
    entry = {
        "address": addresses.masked(resource["address"], mask),
        "module": nodes.get(_root_module(resource.get("module_address"))),
        "action": _action(resource),
        "attributes": _attributes(change),
        "type": resource["type"],
        "name": resource["name"],
        "mode": resource["mode"],
    }
    if resource.get("previous_address"):
        entry["previous_address"] = addresses.masked(resource["previous_address"], mask)
    if change.get("importing") and entry["action"] != "import":
        entry["import"] = True
    reason = resource.get("action_reason") or ("deposed" if resource.get("deposed") else None)
    return entry | ({"reason": reason} if reason else {})


def _action(resource: Mapping[str, Any]) -> str | None:
    """What happens to a resource; None where nothing does."""
    actions = resource["change"]["actions"]
    if actions != ["no-op"]:
        return _verb(actions)
    if resource["change"].get("importing"):
        return "import"
    return "move" if resource.get("previous_address") else None


def _verb(actions: Sequence[str]) -> str:
    return _ACTIONS.get(tuple(actions), "-".join(actions))


def _attributes(change: Mapping[str, Any]) -> list[str]:
    before, after, unknown = (_map(change.get(key)) for key in ("before", "after", "after_unknown"))
    hidden_before, hidden_after = (_map(change.get(f"{key}_sensitive")) for key in ("before", "after"))
    whole = not before or not after  # marks of one side alone say nothing
    return sorted(
        name
        for name in {*before, *after, *unknown}
        if before.get(name) != after.get(name)
        or _is_marked(unknown.get(name))
        or (not whole and _is_marked(hidden_before.get(name)) != _is_marked(hidden_after.get(name)))
    )


def _is_marked(marks: Any) -> bool:
    """Whether anything in a tree of marks is marked."""
    if isinstance(marks, Mapping):
        return any(map(_is_marked, marks.values()))
    if isinstance(marks, list):
        return any(map(_is_marked, marks))
    return bool(marks)


def _nodes(show: Mapping[str, Any]) -> dict[str, str]:
    """Module name -> coordinate: our metadata output has an entry for every node that is, or was."""
    change = (show.get("output_changes") or {}).get(METADATA) or {}
    known: Iterable[str] = {name for key in ("before", "after", "after_unknown") for name in _map(change.get(key))}
    return {module_name_of(coordinate): coordinate for coordinate in sorted(known)}


def _root_module(address: str | None) -> str:
    """Name of the module block of ours that an address lies in."""
    parts = (address or "").split(".", 2)
    return parts[1].partition("[")[0] if parts[0] == "module" and len(parts) > 1 else ""


def _imprint(resource: Mapping[str, Any]) -> list[Any]:
    change = resource["change"]
    return [
        resource["address"],
        resource.get("previous_address"),
        change["actions"],
        sorted(map(_canonical, change.get("replace_paths") or ())),
        _with_unknowns(change.get("after"), change.get("after_unknown")),
    ]


def _with_unknowns(value: Any, unknown: Any) -> Any:
    """A value with a mark in place of what is known only after the apply; no value looks like the mark."""
    if unknown is True:
        return {"?": None}
    if isinstance(unknown, Mapping):
        given = _map(value)
        return {"=": {name: _with_unknowns(given.get(name), unknown.get(name)) for name in {*given, *unknown}}}
    if isinstance(unknown, list) and isinstance(value, list):
        rest = [None] * (len(value) - len(unknown))
        return [_with_unknowns(item, mark) for item, mark in zip(value, [*unknown, *rest], strict=False)]
    return {"=": value} if isinstance(value, Mapping) else value


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _canonical(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
