"""What becomes of a manifest by what somebody says on a command line? Whole entries replaced, dropped, values set.

This is the orchestrator's merge, for deployments by hand: a workload, or a shared resource, is replaced as a whole. The
layers of Git are united leaf by leaf instead, see `merge`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from controller.errors import ManifestError, Problem, suggest
from controller.manifest.phrases import shown
from controller.model.document import Json

_SECTIONS = ("workloads", "shared")
_SCALARS = ("type", "class", "id")
_ASSIGNMENT = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^="])*)=(.*)', re.DOTALL)  # the first `=` that is in no quotes
_STEP = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')


@dataclass(frozen=True, slots=True)
class Assignment:
    """`path=value` as an option gave it; `is_json`: the value is written as JSON, else it is the text itself."""

    option: str
    text: str
    is_json: bool = False


def merged(below: Json, above: Json) -> Json:
    """The workloads and shared resources of both; where both have one, that of `above` as a whole."""
    return _without_empty(
        {section: {**(below.get(section) or {}), **(above.get(section) or {})} for section in _SECTIONS}
    )


def changed(
    manifest: Json,
    *,
    drop_workloads: Iterable[str] = (),
    drop_shared: Iterable[str] = (),
    assignments: Sequence[Assignment] = (),
) -> Json:
    """The manifest without what is dropped, then with what is set, in that order; all problems are raised together."""
    document = {section: deepcopy(manifest.get(section) or {}) for section in _SECTIONS}
    problems: list[Problem] = []
    for section, option, names in (
        ("workloads", "--drop-workload", drop_workloads),
        ("shared", "--drop-shared", drop_shared),
    ):
        for name in names:
            if document[section].pop(name, None) is None:
                what = f"there is no {'workload' if section == 'workloads' else 'shared resource'} `{shown(name)}`"
                known = manifest.get(section) or {}
                problems.append(Problem(option, what, suggest(name, known, "leave it out, it is not there")))
    problems += _both_ways(assignments)
    for one in assignments:
        try:
            _assign(document, one)
        except ManifestError as e:
            problems += e.problems
    if problems:
        raise ManifestError(problems)
    return _without_empty(document)


def _without_empty(document: Json) -> Json:
    """A manifest says `workloads` always, and `shared` where there is something."""
    return {section: entries for section, entries in document.items() if entries or section == "workloads"}


def _both_ways(assignments: Sequence[Assignment]) -> Iterator[Problem]:
    """Texts and JSON are given by different options, with no order between them: so none may concern the other."""
    texts = [one.text.partition("=")[0] for one in assignments if not one.is_json]
    for one in assignments:
        path = one.text.partition("=")[0]
        twice = [other for other in texts if f"{other}.".startswith(f"{path}.") or f"{path}.".startswith(f"{other}.")]
        if one.is_json and twice:
            what = f"`{shown(twice[0])}` is set as a text, too, and which of them comes last cannot be told"
            yield Problem(f"{one.option} {shown(path)}", what, "set both with --set-json, the last one wins")


def _assign(document: Json, one: Assignment) -> None:
    found = _ASSIGNMENT.fullmatch(one.text)
    if found is None:
        raise _wrong(f"{one.option} {shown(one.text)}", "there is no `=`", "write PATH=VALUE")
    path, text = found.groups()
    where = f"{one.option} {shown(path)}"
    steps = _steps(where, path)
    _check(where, steps, is_json=one.is_json)
    value = _json(where, text) if one.is_json else text
    for step in steps[:-1]:
        inner = document.setdefault(step, {})
        if not isinstance(inner, dict):
            raise _wrong(where, f"`{shown(step)}` is no map", "set a part of a map, or the whole of it")
        document = inner
    document[steps[-1]] = value


def _steps(where: str, path: str) -> list[str]:
    """Parts between dots; one that holds a dot itself stands in quotes: `workloads.api.outputs."a.b"`."""
    steps, at = [], 0
    while at <= len(path):
        found = _STEP.match(path, at)
        end = found.end() if found else at
        if found is None or (end < len(path) and path[end] != "."):
            what = "the path is empty" if not path else f"the path cannot be read from `{shown(path[at:])}` on"
            raise _wrong(where, what, 'write parts with dots between; a part with a dot in it in quotes: a."b.c"')
        steps.append(re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2])
        at = end + 1
    return steps


def _check(where: str, steps: Sequence[str], *, is_json: bool) -> None:
    section, *rest = steps
    if section not in _SECTIONS:
        raise _wrong(
            where,
            f"a manifest has no `{shown(section)}`",
            suggest(section, _SECTIONS, "begin with `workloads` or `shared`"),
        )
    if not rest:
        raise _wrong(
            where, "the path ends too early", f"name {'a workload' if section == 'workloads' else 'a resource'}"
        )
    if section == "shared":
        _check_resource(where, rest[1:], is_json=is_json)
        return
    inside = rest[1:]
    if not inside:
        _check_whole(where, is_json=is_json)
    elif inside[0] == "resources":
        if len(inside) < 2:
            _check_whole(where, is_json=is_json)
        else:
            _check_resource(where, inside[2:], is_json=is_json)
    elif inside[0] == "outputs":
        if len(inside) == 1:
            _check_whole(where, is_json=is_json)
        elif len(inside) > 2:
            raise _wrong(where, f"output `{shown(inside[1])}` has no parts", "set it as a whole")
    else:
        remedy = suggest(inside[0], ("resources", "outputs"), "set `resources` or `outputs`")
        raise _wrong(where, f"a workload has no `{shown(inside[0])}`", remedy)


def _check_resource(where: str, steps: Sequence[str], *, is_json: bool) -> None:
    if not steps or steps == ["params"]:
        _check_whole(where, is_json=is_json)
    elif steps[0] in _SCALARS:
        if len(steps) > 1:
            raise _wrong(where, f"`{steps[0]}` of a resource has no parts", "set it as a whole")
    elif steps[0] != "params":
        known = (*_SCALARS, "params")
        raise _wrong(
            where, f"a resource has no `{shown(steps[0])}`", suggest(steps[0], known, f"it has {', '.join(known)}")
        )


def _check_whole(where: str, *, is_json: bool) -> None:
    if not is_json:
        raise _wrong(where, "this is a map, and the value a text", "set a part of it, or all of it with --set-json")


def _json(where: str, text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError as e:
        raise _wrong(where, f"the value is no JSON ({e})", 'write it as JSON, texts in quotes: "like this"') from e


def _wrong(where: str, what: str, remedy: str) -> ManifestError:
    return ManifestError([Problem(where, what, remedy)])
