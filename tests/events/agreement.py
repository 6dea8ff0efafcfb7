"""Do controllers that got to know other events of the same story agree in the end?"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pygit2

from tests.events import laws
from tests.events.controller import Template, Watcher, follow_story, rest, watching
from tests.events.story import Act, Story


def agree(made: Template, acts: Sequence[Act], *plans: Sequence[Sequence[str]]) -> None:
    """Let a controller follow the story for each plan; each keeps the laws, and all see the same in the end."""
    folder = made.folder.parent / "example"
    shutil.rmtree(folder, ignore_errors=True)
    story = tell(made, acts, folder / "origin.git")
    ends = []
    for number, plan in enumerate(plans):
        with watching(made, story, folder / f"run-{number}") as watcher:
            ends.append(end(watcher, plan))
    for other in ends[1:]:
        laws.compare(story, ends[0], other)


def tell(made: Template, acts: Sequence[Act], folder: Path) -> Story:
    """The story in a repository of its own."""
    shutil.copytree(made.folder / "origin.git", folder)
    story = Story(pygit2.Repository(str(folder)), dict(made.story.commits), list(made.story.tips))
    for act in acts:
        story.act(act)
    return story


def end(watcher: Watcher, plan: Sequence[Sequence[str]]) -> laws.Seen:
    """How a controller sees it in the end, when it has come to rest; it stays there."""
    follow_story(watcher, plan)
    rest(watcher)
    before = laws.rows(watcher.doors.store)
    for _ in range(3):
        watcher.tick()
        watcher.world.settle()
    assert laws.rows(watcher.doors.store) == before  # I9
    seen = laws.Seen.of(watcher.doors.store)
    laws.check(watcher.story, seen)
    return seen
