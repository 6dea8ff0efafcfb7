"""Does a version satisfy a constraint such as `~> 5.0, != 5.3.1`?"""

from __future__ import annotations

import re

_NUMBER = "([0-9]{1,19})"  # what the engine takes for a number of a version
_VERSION = re.compile(rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_CONDITION = re.compile(r"\s*(=|!=|>=|<=|>|<|~>)?\s*(\S+)\s*")


def satisfies(version: str, constraint: str | None) -> bool:
    """False only where the constraint certainly excludes the version; the engine has the last word."""
    read = _VERSION.fullmatch(version)
    if read is None or constraint is None or not constraint.strip():
        return True
    return all(_meets(read, condition) for condition in constraint.split(","))


def _meets(version: re.Match[str], condition: str) -> bool:
    read = _CONDITION.fullmatch(condition)
    bound = _VERSION.fullmatch(read[2]) if read else None
    if read is None or bound is None:
        return True
    operator, have, limit = read[1] or "=", _number(version), _number(bound)
    same = have == limit and version[4] == bound[4]
    if version[4] and operator != "!=":  # a pre-release is chosen by its full name alone
        return same and operator in ("=", ">=", "<=", "~>")
    return {
        "=": same,
        "!=": not same,
        ">": have > limit,
        ">=": have >= limit,
        "<": have < limit,
        "<=": have <= limit,
        "~>": limit <= have < _ceiling(bound),
    }[operator]


def _number(version: re.Match[str]) -> tuple[int, int, int]:
    return int(version[1]), int(version[2] or 0), int(version[3] or 0)


def _ceiling(bound: re.Match[str]) -> tuple[int, int, int]:
    """Past the last version that `~>` takes: only the last number that was written may grow."""
    major, minor, _ = _number(bound)
    if bound[3] is not None:
        return major, minor + 1, 0
    return major + 1, 0, 0
