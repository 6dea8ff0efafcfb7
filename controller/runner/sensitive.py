"""Which strings in the engine's own documents must nobody read? Those that it marks as sensitive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def in_show(document: Mapping[str, Any]) -> Iterator[str]:
    """The sensitive strings of `show -json`, of a plan or of a state."""
    yield from _in_variables(document)
    for change in _items(document.get("resource_changes")) + _items(document.get("resource_drift")):
        yield from _in_change(_map(change.get("change")))
    for change in _map(document.get("output_changes")).values():
        yield from _in_change(_map(change))
    for values in (
        document.get("planned_values"),
        document.get("values"),
        _map(document.get("prior_state")).get("values"),
    ):
        yield from in_outputs(_map(_map(values).get("outputs")))
        yield from _in_module(_map(_map(values).get("root_module")))


def in_outputs(outputs: Mapping[str, Any]) -> Iterator[str]:
    """The sensitive strings of `output -json`."""
    for output in outputs.values():
        if _map(output).get("sensitive"):
            yield from _strings(output.get("value"))


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
