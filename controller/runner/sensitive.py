"""Which strings in the engine's own documents must nobody read? Those that it marks as sensitive.

The output of a workload is marked as a whole, though most of its keys are no secret: an address that a module shows as
metadata, say. A key counts as *open* where the configuration of the plan shows that it is made of text and of outputs
that their modules do not declare sensitive. Of an open key no string is hidden that stands in the metadata too, whose
output is not marked: the engine lets nothing in there that it knows to be sensitive. In any doubt all is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from controller.tofu.names import METADATA

Open = Mapping[str, Collection[str]]  # output -> its open keys

_OUTPUT = re.compile(r"module\.([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?")


def in_show(document: Mapping[str, Any]) -> Iterator[str]:
    """The sensitive strings of `show -json`, of a plan or of a state."""
    yield from _in_variables(document)
    for change in _items(document.get("resource_changes")) + _items(document.get("resource_drift")):
        yield from _in_change(_map(change.get("change")))
    for values in (
        document.get("planned_values"),
        document.get("values"),
        _map(document.get("prior_state")).get("values"),
    ):
        yield from _in_module(_map(_map(values).get("root_module")))
    yield from _in_shown_outputs(document)


def in_outputs(outputs: Mapping[str, Any], opened: Open | None = None) -> Iterator[str]:
    """The sensitive strings of `output -json`."""
    metadata = _map(outputs.get(METADATA))
    public = frozenset() if metadata.get("sensitive") else frozenset(_strings(metadata.get("value")))
    for name, output in outputs.items():
        if _map(output).get("sensitive"):
            yield from _closed(_map(output).get("value"), _keys(opened, name), public)


def open_keys(show: Mapping[str, Any]) -> dict[str, list[str]]:
    """The open keys of each workload's output, by the configuration that a plan was made of."""
    root = _map(_map(show.get("configuration")).get("root_module"))
    calls = _map(root.get("module_calls"))
    found = {}
    for name, output in _map(root.get("outputs")).items():
        written = _map(_map(_map(output).get("expression")).get("constant_value"))
        found[name] = sorted(key for key, value in written.items() if _is_open(value, calls))
    return {name: keys for name, keys in sorted(found.items()) if keys and name != METADATA}


def _is_open(written: Any, calls: Mapping[str, Any]) -> bool:
    """Whether a value of the configuration is text and outputs of modules that are not declared sensitive."""
    if not isinstance(written, str):
        return False
    for module, name in _OUTPUT.findall(written):
        declared = _map(_map(_map(calls.get(module)).get("module")).get("outputs")).get(name)
        if not isinstance(declared, dict) or declared.get("sensitive"):
            return False
    return "var." not in written


def _in_shown_outputs(document: Mapping[str, Any]) -> Iterator[str]:
    opened = open_keys(document)
    changes = _map(document.get("output_changes"))
    for side in ("before", "after"):
        # A side as `output -json` would show it: what is marked in part is taken for marked.
        yield from in_outputs(
            {
                name: {"value": _map(change).get(side), "sensitive": _is_marked(_map(change).get(f"{side}_sensitive"))}
                for name, change in changes.items()
            },
            opened,
        )
    for values in (
        document.get("planned_values"),
        document.get("values"),
        _map(document.get("prior_state")).get("values"),
    ):
        yield from in_outputs(_map(_map(values).get("outputs")), opened)


def _is_marked(marks: Any) -> bool:
    if isinstance(marks, dict):
        return any(map(_is_marked, marks.values()))
    return any(map(_is_marked, marks)) if isinstance(marks, list) else bool(marks)


def _keys(opened: Open | None, name: str) -> Collection[str]:
    keys = (opened or {}).get(name, ())
    return keys if isinstance(keys, (list, tuple, set, frozenset)) else ()


def _closed(value: Any, keys: Collection[str], public: Collection[str]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield from _strings(value)
        return
    for key, entry in value.items():
        hidden = _strings(entry)
        yield from (text for text in hidden if text not in public) if key in keys else hidden


def _in_variables(document: Mapping[str, Any]) -> Iterator[str]:
    declared = _map(_map(_map(document.get("configuration")).get("root_module")).get("variables"))
    given = _map(document.get("variables"))
    for name, variable in declared.items():
        if _map(variable).get("sensitive"):
            yield from _strings(_map(given.get(name)).get("value"))


def _in_change(change: Mapping[str, Any]) -> Iterator[str]:
    for side in ("before", "after"):
        yield from _marked(change.get(side), change.get(f"{side}_sensitive"))


def _in_module(module: Mapping[str, Any]) -> Iterator[str]:
    for resource in _items(module.get("resources")):
        yield from _marked(resource.get("values"), resource.get("sensitive_values"))
    for child in _items(module.get("child_modules")):
        yield from _in_module(child)


def _marked(value: Any, marks: Any) -> Iterator[str]:
    """The strings in `value` where `marks`, of the same shape, says true."""
    if marks is True:
        yield from _strings(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            yield from _marked(value.get(key), mark)
    elif isinstance(marks, list) and isinstance(value, list):
        for entry, mark in zip(value, marks, strict=False):
            yield from _marked(entry, mark)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
