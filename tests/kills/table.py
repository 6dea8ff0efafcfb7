"""What do all points say together? One line for each victim, mode, kind and moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.kills.points import Kind, Point

_COLUMNS = ("points", "restarts", "deployments", "approvals", "imports", "retries", "lost", "doubled")
_GROUPS: Sequence[tuple[str, Callable[[Point], str]]] = (
    ("victim", lambda point: point.victim),
    ("mode", lambda point: point.mode),
    ("kind of point", lambda point: point.kind),
    ("step boundary", lambda point: point.moment if point.kind is Kind.STEP else ""),
)


def table(points: Sequence[Point]) -> str:
    """All points that were reached, in the ways that one may ask for them."""
    return "\n".join(_lines(points))


def _lines(points: Sequence[Point]) -> Iterator[str]:
    yield _line("", _COLUMNS)
    yield _line("all", _sums(points))
    for title, group in _GROUPS:
        yield f"by {title}"
        for name in dict.fromkeys(filter(None, map(group, sorted(points, key=lambda point: point.id)))):
            yield _line(f"  {name}", _sums([point for point in points if group(point) == name]))


def _sums(points: Sequence[Point]) -> list[str]:
    sums = [sum(getattr(point, column) for point in points) for column in _COLUMNS[1:]]
    return [str(len(points)), *map(str, sums)]


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<28}" + "".join(f"{cell:>12}" for cell in cells)
