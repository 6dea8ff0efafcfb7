"""Does the page tell the truth? What its lists and each deployment's page say, against the database at that moment."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import TypeVar

from controller.history import read
from controller.history.store import Store
from controller.model.deployment import OPEN, Mode
from controller.model.record import Deployment
from tests.serve_factories import PATIENCE

T = TypeVar("T")
Page = Callable[[str], str]  # path -> HTML
_DEPLOYMENT = re.compile(r'href="/deployments/([^"]+)"')
_COMMIT = re.compile(r'href="/commits/([^"]+)"')
_BADGE = re.compile(r'<span class="badge [^"]*">([^<]*)</span>')
_COUNTS = re.compile(r'title="([^"]*) to destroy"')
_PLACE = re.compile(r'href="/environments/([^"]+)"')


def lies(page: Page, store: Store) -> list[str]:
    """What a visitor is told that is not so."""
    rows = read.deployments(store, limit=200)
    found = list(_compared("/history", lambda: _history(page), lambda: _kept_history(store)))
    found += _compared("/", lambda: _environments(page), lambda: _kept_environments(store))
    for row in rows:
        path = f"/deployments/{row.id}"
        found += _compared(path, lambda row=row: _deployment(page, row.id), lambda row=row: _kept(store, row.id))
    return found


def _compared(path: str, shown: Callable[[], T], kept: Callable[[], T]) -> Iterator[str]:
    """What a page shows, read while what is kept stood still."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        before = kept()
        seen = shown()
        if kept() == before:
            if seen != before:
                yield f"{path}: shows {seen}, kept is {before}"
            return
    raise AssertionError(f"{path}: what is kept does not stand still")


def _history(page: Page) -> list[tuple[str, ...]]:
    return [
        (_one(_DEPLOYMENT, cell), _one(_PLACE, cell), _one(_BADGE, cell), _one(_COUNTS, cell))
        for cell in _rows(page("/history"))
    ]


def _kept_history(store: Store) -> list[tuple[str, ...]]:
    rows = read.deployments(store, limit=50)
    return [(row.id, f"{row.project}/{row.environment}", _words(row), _counts(row)) for row in rows]


def _environments(page: Page) -> list[tuple[str, ...]]:
    """Place, live commit, and then every deployment that is named with the word beside it."""
    found = []
    for row in _rows(page("/")):
        cells = row.split("<td")
        named = [_one(_DEPLOYMENT, cells[4]), *_DEPLOYMENT.findall(cells[5])]
        words = [_one(_BADGE, cells[4]), *_BADGE.findall(cells[5])]
        live = _one(_COMMIT, cells[3])
        found.append((_one(_PLACE, row), live, *map(" ".join, zip(words, named, strict=True))))
    return found


def _kept_environments(store: Store) -> list[tuple[str, ...]]:
    found = []
    for each in read.environments(store):
        mine = read.deployments(store, project=each.project, environment=each.name, limit=200)
        line = [row for row in mine if row.mode not in (Mode.PLAN_ONLY, Mode.DRIFT)]
        queue = [row for row in reversed(line) if row.status in OPEN]
        named = [f"{_words(row)} {row.id}" for row in (*line[:1], *queue)]
        found.append((each.slug, each.live_commit or "", *(named or [" "])))
    return sorted(found)


def _deployment(page: Page, id: str) -> tuple[str, ...]:
    text = page(f"/deployments/{id}")
    return id, _one(_BADGE, text), _one(_COUNTS, text)


def _kept(store: Store, id: str) -> tuple[str, ...]:
    row = read.deployment(store, id)
    return id, _words(row), _counts(row)


def _rows(page: str) -> Sequence[str]:
    return re.findall(r"<tr>\s*(<td.*?)</tr>", page, re.DOTALL)


def _one(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return unescape(found[1]) if found else ""


def _words(row: Deployment) -> str:
    return str(row.status).replace("_", " ")


def _counts(row: Deployment) -> str:
    counts = row.counts
    if counts is None:
        return ""
    return f"{counts.create} to create, {counts.update} to update, {counts.replace} to replace, {counts.destroy}"
