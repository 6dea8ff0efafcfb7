"""What may happen to the branch of a repository, and what does each commit want? Made up, then told in real Git."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pygit2

from tests import git_factories
from tests.deploy_factories import PLATFORM, sized

MAIN = "refs/heads/main"
DEVELOPMENT, STAGING, PRODUCTION, LIVE = "shop/development", "shop/staging", "shop/production", "blog/live"
LAB = "shop/lab"  # that is not there in the beginning
SLUGS = (DEVELOPMENT, STAGING, PRODUCTION, LIVE)
PINNED = "6f1c2ab0-0000-4000-8000-000000000001"  # the identity that development says of itself
GOOD, FAILS_IN_PLAN, FAILS_IN_APPLY = (1, 2, 3), 8, 9  # sizes
LAYER, MODULE, MORE = (
    "projects/shop/web.manifest.yaml",
    "platform/modules/thing/module.yaml",
    ("platform/modules/thing/more.tf"),
)
LAYOUT = "lockstep.yaml"
BROKEN = "broken: [\n"
SETTINGS = {
    "observe": "mode: observe\n",
    "destroy": "on_removal: destroy\n",
    "keep": "on_removal: keep\n",
    "after": "after: [{}]\n",
    "source": "source: environment://{}\n",
    "wrong": "nonsense: 1\n",
}
_FIRST = {STAGING: "development", PRODUCTION: "staging"}  # what each may name in `after` and `source`
FOLLOWERS = tuple(_FIRST)

Files = Mapping[str, str]


@dataclass(frozen=True)
class Edit:
    """A change of files, as people make them. `value`: of what it sets; 0 takes it away where that can be."""

    what: str
    slug: str = ""
    value: int = 0


Edits = tuple[Edit, ...]


@dataclass(frozen=True)
class Push:
    """Commits on the tip, pushed together."""

    commits: tuple[Edits, ...]


@dataclass(frozen=True)
class Revert:
    """Take back what a commit has changed; `back`: how far behind the tip it is."""

    back: int


@dataclass(frozen=True)
class Merge:
    """Commits on a side branch that begins `back` commits behind the tip, and their merge into the tip.

    `wrong_way`: the tip was merged into the side branch, which is pushed as the branch then.
    """

    back: int
    side: tuple[Edits, ...]
    wrong_way: bool = False


@dataclass(frozen=True)
class Force:
    """The branch is set back by so many commits, and goes on from there."""

    back: int
    commits: tuple[Edits, ...] = ()


@dataclass(frozen=True)
class ToSide:
    """The branch is set to the last side branch that was merged, and goes on from there."""

    commits: tuple[Edits, ...] = ()


@dataclass(frozen=True)
class Anew:
    """The branch begins anew with the files of its tip, as after a history was squashed."""

    commits: tuple[Edits, ...] = ()


@dataclass(frozen=True)
class Person:
    """Somebody looks at what there is, and acts: `suspend`, `resume`, or `rollback` to what was first."""

    what: str
    slug: str


Act = Push | Revert | Merge | Force | ToSide | Anew | Person


@dataclass(frozen=True)
class Commit:
    id: str
    parents: tuple[str, ...]
    files: Files


@dataclass
class Story:
    """The commits of all acts; `tips` has where the branch was after each, the first before all of them."""

    repo: pygit2.Repository
    commits: dict[str, Commit] = field(default_factory=dict)
    tips: list[str] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)
    persons: dict[int, Person] = field(default_factory=dict)  # by the number of the act

    def line(self, tip: str) -> list[Commit]:
        """The first parents of a commit, oldest first, and itself."""
        found = [self.commits[tip]]
        while found[-1].parents:
            found.append(self.commits[found[-1].parents[0]])
        return found[::-1]

    def act(self, act: Act) -> None:
        tip = self.tips[-1]
        match act:
            case Push(commits):
                tip = self._series(tip, commits)
            case Revert(back):
                taken = self.commits[self._behind(tip, back)]
                before = self.commits[taken.parents[0]].files if taken.parents else {}
                patch = _difference(taken.files, before) if declared(before) else {}
                tip = self._commit([tip], self.commits[tip].files, patch)
            case Merge(back, side, wrong_way):
                start = self._behind(tip, back)
                merged = self._series(start, side)
                self.sides.append(merged)
                patch = _difference(self.commits[start].files, self.commits[merged].files)
                first = [merged, tip] if wrong_way else [tip, merged]
                tip = self._commit(first, self.commits[tip].files, patch)
            case Force(back, commits):
                tip = self._series(self._behind(tip, back), commits)
            case ToSide(commits):
                tip = self._series(self.sides[-1] if self.sides else tip, commits)
            case Anew(commits):
                tip = self._series(self._commit([], self.commits[tip].files, {}), commits)
            case Person():
                self.persons[len(self.tips)] = act
        self.tips.append(tip)

    def begin(self) -> None:
        """The platform, and an environment of size 1 of each name; the last commit is the first that is seen."""
        first = self._commit([], {path: str(text) for path, text in PLATFORM.items()}, {})
        declaring = [Edit("add", slug, 1) for slug in SLUGS]
        self.tips.append(self._series(first, (declaring, [Edit("size", PRODUCTION, 2)], [Edit("size", STAGING, 2)])))

    def _behind(self, tip: str, back: int) -> str:
        """So many commits behind the tip, and not behind the first that declares anything."""
        line = [one.id for one in self.line(tip) if declared(one.files)] or [tip]
        return line[max(len(line) - 1 - back, 0)]

    def _series(self, start: str, commits: Iterable[Iterable[Edit]]) -> str:
        for edits in commits:
            files = dict(self.commits[start].files)
            for edit in edits:
                files = edited(files, edit)
            start = self._commit([start], files, {})
        return start

    def _commit(self, parents: list[str], files: Files, patch: Mapping[str, str | None]) -> str:
        files = {path: text for path, text in {**files, **patch}.items() if text is not None}
        before = self.commits[parents[0]].files if parents else {}
        number = len(self.commits)
        id = git_factories.commit(
            self.repo,
            _difference(before, files),
            message=f"Commit {number}",
            branch="refs/story/newest",
            parents=parents,
            at=git_factories.FIRST_SECOND + 60 * number,
        )
        self.commits[id] = Commit(id, tuple(parents), files)
        return id


def edited(files: Files, edit: Edit) -> dict[str, str]:
    """The files after an edit; the same where there is nothing that it could change."""
    made = dict(files)
    manifest, settings = f"projects/{edit.slug}/app.manifest.yaml", f"projects/{edit.slug}/environment.yaml"
    match edit.what:
        case "add" if settings not in files:
            made[settings] = _settings(edit.slug)
            made[manifest] = sized(edit.value)
        case "remove":
            made = {path: text for path, text in files.items() if not path.startswith(f"projects/{edit.slug}/")}
        case "size" if manifest in files:
            made[manifest] = sized(edit.value) if edit.value else sized("wrong")
        case "unreadable" if manifest in files:
            made[manifest] = BROKEN
        case "note" if settings in files:
            made[f"projects/{edit.slug}/docs/notes.txt"] = f"{edit.value}\n"
        case "rename":
            _rename(made, edit.slug)
        case name if name in SETTINGS and settings in files:
            made[settings] = _toggled(files[settings], name, edit)
        case "layer":
            _set(made, LAYER, edit.value, sized(edit.value, "cache").replace("api:", "web:"))
        case "broken layer":
            made[LAYER] = BROKEN
        case "module":
            _set(made, MORE, edit.value, f'output "more" {{ value = {edit.value} }}\n')
        case "broken module":
            made[MODULE] = BROKEN
        case "mend module":
            made[MODULE] = str(PLATFORM[MODULE])
        case "layout":
            _set(made, LAYOUT, edit.value, BROKEN)
        case "readme":
            made["README.md"] = f"{edit.value}\n"
    return made


def declared(files: Files) -> set[str]:
    """P/E of every environment that has files of its own."""
    parts = [path.split("/") for path in files]
    return {f"{p[1]}/{p[2]}" for p in parts if p[0] == "projects" and len(p) == 4 and p[3].endswith(".yaml")}


def identity(files: Files, slug: str) -> str:
    """Who an environment is: what it says itself, else its name."""
    return DEVELOPMENT if PINNED in files.get(f"projects/{slug}/environment.yaml", "") else slug


def says(files: Files, slug: str, name: str) -> bool:
    """Whether its settings have a line of this name."""
    return SETTINGS[name].partition("{")[0] in files.get(f"projects/{slug}/environment.yaml", "")


def first_of(slug: str) -> str:
    """Who goes first where an environment names one in `after` or `source`."""
    return f"shop/{_FIRST.get(slug, 'development')}"


def _settings(slug: str) -> str:
    pin = f"uuid: {PINNED}\n" if slug == DEVELOPMENT else ""
    return f"{pin}type: staging\nlimits: {{destroy: unlimited, replace: unlimited}}\n"


def _toggled(text: str, name: str, edit: Edit) -> str:
    line = SETTINGS[name].format(first_of(edit.slug).partition("/")[2])
    if name in ("after", "source") and edit.slug not in _FIRST:
        return text
    if name == "wrong" and edit.slug == DEVELOPMENT:
        return text  # where its settings cannot be read, it is known by its name alone
    rest = text.replace(line, "")
    if name in ("destroy", "keep"):
        rest = rest.replace(SETTINGS["keep"], "").replace(SETTINGS["destroy"], "")
    return rest + line if edit.value else rest


def _rename(files: dict[str, str], slug: str) -> None:
    """To another name, or back."""
    one, other = f"projects/{slug}/", f"projects/{slug}-2/"
    if any(path.startswith(other) for path in files):
        one, other = other, one
    for path in [path for path in files if path.startswith(one)]:
        files[other + path.removeprefix(one)] = files.pop(path)


def _set(files: dict[str, str], path: str, value: int, text: str) -> None:
    if value:
        files[path] = text
    else:
        files.pop(path, None)


def _difference(before: Files, after: Files) -> dict[str, str | None]:
    changed: dict[str, str | None] = {path: text for path, text in after.items() if before.get(path) != text}
    return {path: None for path in before if path not in after} | changed
