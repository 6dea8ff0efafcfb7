"""An environment under another name: asked about where the files are the same, done where somebody says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.deployments import actions, follow, renaming
from controller.deployments.why import why
from controller.errors import ConflictError, NotFoundError
from controller.history import read
from controller.model.deployment import EnvironmentStatus, HoldKind, Mode, Rank, Status
from controller.runner.protocol import Phase
from tests.databases import both_databases
from tests.deploy_factories import REPOSITORY, Script, World, project, sized, world

OLD, NEW = "projects/shop/development", "projects/shop/dev"
FILES = ("environment.yaml", "app.manifest.yaml")
ASKED = (
    "until somebody says whether it is shop/development under another name "
    "(`lockstep move shop development dev`, or with `--decline`)"
)
GONE = (
    "its directory is gone from Git; shop/dev has the same files: say `lockstep move shop development dev` if it was "
    "renamed, `--decline` if they are two"
)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """shop has development, of size 1, and staging, and production; all deployed."""
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1), staging=sized(2), production=sized(3)))
        yield made


def moved(to: str = NEW, came: str = OLD, **changed: str) -> dict[str, str | None]:
    """A commit that renames the directory; `changed` has files that it changes too."""
    files = {str(path): text for path, text in project(development=sized(1)).items()}
    gone: dict[str, str | None] = {path.replace(OLD, came): None for path in files}
    there = {path.replace(OLD, to): str(text) for path, text in files.items()}
    return gone | there | {f"{to}/{path.replace('_', '.')}": text for path, text in changed.items()}


def rename(acme: World, files: dict[str, str | None] | None = None) -> str:
    commit = acme.push(files or moved(), "Call it dev")
    acme.poll()
    acme.settle()
    return commit


def ticks(acme: World) -> int:
    """How many deployments three more ticks open."""
    before = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        acme.settle()
    return len(acme.deployments()) - before


def names(acme: World) -> dict[str, str]:
    return {row.name: row.uuid for row in read.environments(acme.doors.store)}


def test_the_same_files_under_another_name_are_asked_about(acme: World) -> None:
    commit = rename(acme)
    old, new = acme.environment("development"), acme.environment("dev")
    assert (old.status, old.note, old.declared) == (EnvironmentStatus.ACTIVE, GONE, False)
    assert (new.note, new.renamed_from, new.desired) == (ASKED, old.uuid, old.applied)
    assert acme.told(commit) == {"dev": f"held ({ASKED})", "staging": "unchanged", "production": "unchanged"}
    assert acme.deployments("dev") == []
    assert ticks(acme) == 0


@both_databases
def test_who_says_so_has_the_same_environment_under_the_new_name(acme: World) -> None:
    before = acme.environment("development")
    first = acme.last("development")
    commit = rename(acme)
    made = renaming.move(acme.doors, "ann", "shop", "development", "dev", reason="shorter")
    assert (made.uuid, made.name, made.applied, made.binding) == (before.uuid, "dev", before.applied, before.binding)
    acme.settle()
    found = acme.environment("dev")
    assert (found.status, found.note, found.renamed_from, found.declared) == (EnvironmentStatus.ACTIVE, "", None, True)
    assert (found.applied, found.desired, found.live_commit) == (before.applied, before.applied, before.live_commit)
    assert sorted(names(acme)) == ["dev", "production", "staging"]
    assert acme.told(commit) == {"dev": "unchanged", "staging": "unchanged", "production": "unchanged"}
    assert [row.id for row in acme.deployments("dev")] == [first.id]
    assert ticks(acme) == 0
    line = read.audit(acme.doors.store, limit=1)[0]
    assert (line.actor, line.action, line.subject, line.reason) == ("ann", "move", "shop/dev", "shorter")
    assert line.before == {"declared": False, "environment": "shop/development"}
    assert line.after == {"declared": True, "environment": "shop/dev"}


@both_databases
def test_it_is_deployed_there_as_it_was(acme: World) -> None:
    uuid = acme.environment("development").uuid
    rename(acme)
    renaming.move(acme.doors, "ann", "shop", "development", "dev")
    commit = acme.push({f"{NEW}/app.manifest.yaml": sized(4)}, "Grow")
    acme.poll()
    acme.settle()
    row = acme.last("dev")
    assert (row.status, row.environment_uuid, acme.told(commit)["dev"]) == (Status.SUCCEEDED, uuid, "deployed")
    assert row.reason == f"commit {commit[:10]} changes it"
    back = actions.rollback(acme.doors, "ann", "shop", "dev", acme.deployments("dev")[0].id)
    acme.settle()
    assert read.deployment(acme.doors.store, back.id).status is Status.SUCCEEDED
    assert [hold.scope for hold in acme.environment("dev").holds] == ["shop/dev"]


def test_who_says_that_they_are_two_gets_two(acme: World) -> None:
    rename(acme)
    old = acme.environment("development")
    renaming.decline(acme.doors, "ann", "shop", "development", "dev", reason="it is another one")
    acme.settle()
    found = acme.environment("development")
    assert (found.uuid, found.status) == (old.uuid, EnvironmentStatus.MARKED_FOR_REMOVAL)
    new = acme.environment("dev")
    assert (new.uuid != old.uuid, new.applied, new.note) == (True, old.applied, "")
    assert (ticks(acme), acme.last("dev").reason[:16]) == (0, "first deployment")
    with pytest.raises(ConflictError) as e:
        renaming.decline(acme.doors, "ann", "shop", "development", "dev")
    assert str(e.value) == "nobody asks whether shop/dev is shop/development; there is nothing to decline"


def test_what_on_removal_says_waits_for_the_answer(acme: World) -> None:
    settings = "limits: {replace: unlimited}\non_removal: destroy\n"
    acme.deploy({f"{OLD}/environment.yaml": settings})
    rename(acme, moved(environment_yaml=settings))
    assert (acme.last("development").mode, acme.environment("development").note) == (Mode.DEPLOY, GONE)
    renaming.decline(acme.doors, "ann", "shop", "development", "dev")
    acme.settle()
    assert acme.environment("development").status is EnvironmentStatus.MARKED_FOR_REMOVAL
    assert [row.mode for row in acme.deployments("development")] == [Mode.DEPLOY]


def test_a_name_that_comes_back_is_asked_about_no_more(acme: World) -> None:
    rename(acme)
    acme.push(project(development=sized(1)), "Bring it back")
    acme.poll()
    acme.settle()
    assert (acme.environment("development").status, acme.environment("development").note) == ("active", "")
    assert (acme.environment("dev").renamed_from, acme.last("dev").status) == (None, Status.SUCCEEDED)


def test_what_is_changed_later_still_belongs_to_the_question(acme: World) -> None:
    """Polled at each commit or once at the end: the same."""
    acme.push(moved(), "Call it dev")
    acme.push({f"{NEW}/app.manifest.yaml": sized(7)}, "Grow")
    acme.poll()
    acme.settle()
    assert acme.environment("dev").note == ASKED
    renaming.move(acme.doors, "ann", "shop", "development", "dev")
    acme.settle()
    row = acme.last("dev")
    assert (row.status, row.rank, acme.environment("dev").applied) == (
        Status.SUCCEEDED,
        Rank.GIT,
        acme.environment("dev").desired,
    )
    assert ticks(acme) == 0


@pytest.mark.parametrize("polls", ["each", "once"])
def test_one_that_is_renamed_twice_is_still_the_first(acme: World, polls: str) -> None:
    uuid = acme.environment("development").uuid
    acme.push(moved(), "Call it dev")
    if polls == "each":
        acme.poll()
    acme.push(moved("projects/shop/devel", NEW), "Call it devel")
    acme.poll()
    acme.settle()
    assert acme.environment("devel").renamed_from == uuid
    renaming.move(acme.doors, "ann", "shop", "development", "devel")
    acme.settle()
    assert (acme.environment("devel").uuid, len(acme.deployments("devel"))) == (uuid, 1)


def test_where_two_could_be_meant_nobody_is_asked(acme: World) -> None:
    rename(acme, moved() | moved("projects/shop/other"))
    assert (acme.environment("dev").renamed_from, acme.environment("other").renamed_from) == (None, None)
    assert acme.environment("development").status is EnvironmentStatus.MARKED_FOR_REMOVAL
    assert [acme.last(name).status for name in ("dev", "other")] == [Status.SUCCEEDED] * 2


def test_what_never_was_deployed_is_simply_new(acme: World) -> None:
    acme.push({f"projects/shop/fresh/{FILES[1]}": sized(9)}, "A new one")
    acme.poll()
    acme.push({f"projects/shop/fresh/{FILES[1]}": None, f"projects/shop/other/{FILES[1]}": sized(9)}, "Another name")
    acme.poll()
    acme.settle()
    assert (acme.environment("other").renamed_from, acme.last("other").status) == (None, Status.SUCCEEDED)


@both_databases
def test_a_whole_project_may_be_renamed(acme: World) -> None:
    files = project(development=sized(1), staging=sized(2), production=sized(3))
    before = {row.name: row.uuid for row in read.environments(acme.doors.store)}
    there = {path.replace("projects/shop", "projects/store"): text for path, text in files.items()}
    acme.push(dict.fromkeys(files) | there, "Call it store")
    acme.poll()
    acme.settle()
    for name in before:
        renaming.move(acme.doors, "ann", "shop", name, f"store/{name}")
    acme.settle()
    rows = read.environments(acme.doors.store)
    assert {row.slug: row.uuid for row in rows} == {f"store/{name}": uuid for name, uuid in before.items()}
    assert all(row.applied == row.desired and not row.note for row in rows)
    assert ticks(acme) == 0


def test_its_uuid_says_that_it_is_the_same(acme: World) -> None:
    old = acme.environment("development")
    settings = f"limits: {{replace: unlimited}}\nuuid: {old.uuid}\n"
    acme.push({f"{OLD}/app.manifest.yaml": sized(5)}, "Grow first")
    commit = rename(acme, moved(environment_yaml=settings, app_manifest_yaml=sized(6)))
    found = acme.environment("dev")
    assert (found.uuid, found.note, found.declared) == (old.uuid, "", True)
    assert sorted(names(acme)) == ["dev", "production", "staging"]
    assert (acme.last("dev").status, acme.told(commit)["dev"]) == (Status.SUCCEEDED, "deployed")
    assert [row.reason[:6] for row in acme.deployments("dev")] == ["first ", "commit"]
    assert ticks(acme) == 0
    line = next(line for line in read.audit(acme.doors.store, limit=9) if line.action == "move")
    assert (line.actor, line.reason) == ("git", "`uuid` of shop/dev says that it is shop/development")


def test_its_uuid_may_answer_the_question_later(acme: World) -> None:
    rename(acme)
    uuid = acme.environment("development").uuid
    acme.push({f"{NEW}/environment.yaml": f"limits: {{replace: unlimited}}\nuuid: {uuid}\n"}, "It is the same")
    acme.poll()
    acme.settle()
    assert (acme.environment("dev").uuid, len(acme.deployments("dev")), ticks(acme)) == (uuid, 1, 0)


def test_a_uuid_of_one_that_is_there_is_refused_as_before(acme: World) -> None:
    uuid = acme.environment("staging").uuid
    commit = acme.push({"projects/shop/other/environment.yaml": f"uuid: {uuid}\n"}, "Another one")
    acme.poll()
    acme.settle()
    assert acme.told(commit)["other"] == "rejected"
    assert acme.environment("other").problems == (
        f"projects/shop/other/environment.yaml:1:1: uuid {uuid} is that of shop/staging; "
        "each environment needs its own",
    )


def test_while_it_is_being_applied_it_keeps_its_name(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.push({f"{OLD}/app.manifest.yaml": sized(5)}, "Grow")
    acme.poll()
    row = acme.last("development")
    acme.claim()
    acme.carry(row.id)
    uuid = acme.environment("development").uuid
    settings = f"limits: {{replace: unlimited}}\nuuid: {uuid}\n"
    acme.push(moved(environment_yaml=settings, app_manifest_yaml=sized(5)), "Call it dev")
    follow.poll(acme.doors, REPOSITORY)
    acme.decide()
    assert acme.environment("dev").note == f"until deployment {row.id} of shop/development has ended"
    with pytest.raises(ConflictError) as e:
        renaming.move(acme.doors, "ann", "shop", "development", "dev")
    assert str(e.value) == f"deployment {row.id} of shop/development is applying; wait for its end"
    acme.runner.finish(row.id)
    acme.runner.script = Script()
    acme.carry(row.id)
    acme.settle()
    found = acme.environment("dev")
    assert (found.uuid, found.applied == found.desired, ticks(acme)) == (uuid, True, 0)


def test_while_it_is_being_applied_its_old_name_is_not_destroyed(acme: World) -> None:
    """Its directory is gone and it says `on_removal: destroy`; but it is not away, it has another name."""
    free = "limits: {replace: unlimited}\non_removal: destroy\n"
    acme.deploy({f"{OLD}/environment.yaml": free, f"{OLD}/app.manifest.yaml": sized(4)})
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.push({f"{OLD}/app.manifest.yaml": sized(5)}, "Grow")
    acme.poll()
    row = acme.last("development")
    acme.claim()
    acme.carry(row.id)
    uuid = acme.environment("development").uuid
    acme.push(moved(environment_yaml=f"{free}uuid: {uuid}\n", app_manifest_yaml=sized(5)), "Call it dev")
    follow.poll(acme.doors, REPOSITORY)
    acme.decide()
    old = acme.environment("development")
    assert (old.status, old.note, acme.last("development").id) == (
        EnvironmentStatus.ACTIVE,
        "its directory is gone from Git; it goes on as shop/dev, "
        f"until deployment {row.id} of shop/development has ended",
        row.id,
    )
    acme.runner.finish(row.id)
    acme.runner.script = Script()
    acme.carry(row.id)
    acme.settle()
    modes = {found.mode for found in acme.deployments("dev")}
    assert (acme.environment("dev").uuid, modes, ticks(acme)) == (uuid, {Mode.DEPLOY}, 0)


def test_of_two_that_name_its_uuid_the_first_is_it_and_the_other_rejected(acme: World) -> None:
    uuid = acme.environment("development").uuid
    settings = f"limits: {{replace: unlimited}}\nuuid: {uuid}\n"
    other = {"projects/shop/other/environment.yaml": settings, "projects/shop/other/app.manifest.yaml": sized(9)}
    commit = rename(acme, moved(environment_yaml=settings) | other)
    assert (acme.environment("dev").uuid, acme.told(commit)["other"]) == (uuid, "rejected")
    place = "projects/shop/other/environment.yaml"
    assert acme.environment("other").problems == (
        f"{place}:1:1: uuid {uuid} is that of shop/dev; each environment needs its own",
    )
    assert (sorted(names(acme)), ticks(acme)) == (["dev", "other", "production", "staging"], 0)


@both_databases
def test_a_hold_goes_with_it(acme: World) -> None:
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", {"workloads": {}})
    acme.settle()
    rename(acme)
    renaming.move(acme.doors, "bea", "shop", "development", "dev")
    acme.settle()
    found = acme.environment("dev")
    assert [(hold.kind, hold.scope, hold.who) for hold in found.holds] == [(HoldKind.PINNED, "shop/dev", "ann")]
    assert ticks(acme) == 0


def test_what_cannot_be_moved_says_why(acme: World) -> None:
    with pytest.raises(ConflictError) as e:
        renaming.move(acme.doors, "ann", "shop", "development", "staging")
    assert str(e.value) == "Git declares shop/development still; rename its directory first, and then move it"
    acme.push(dict.fromkeys(project(development="")), "Away")
    acme.poll()
    acme.settle()
    with pytest.raises(NotFoundError) as missing:
        renaming.move(acme.doors, "ann", "shop", "development", "dev")
    assert str(missing.value) == (
        "Git declares no environment shop/dev; push its directory first, and then move shop/development"
    )
    with pytest.raises(ConflictError) as e:
        renaming.move(acme.doors, "ann", "shop", "development", "staging")
    assert str(e.value) == (
        "shop/staging was deployed already, as an environment of its own: delete one of the two, with "
        "`lockstep delete environment`"
    )
    with pytest.raises(NotFoundError) as missing:
        renaming.move(acme.doors, "ann", "shop", "development", "a/b/c")
    assert str(missing.value) == "`a/b/c` is no environment; write its name, or PROJECT/NAME"


def test_why_tells_what_has_to_be_said(acme: World) -> None:
    commit = rename(acme)
    found = why(acme.doors, "shop", "dev").answer
    assert (found.text, found.command) == (
        f"Commit {commit[:10]} “Call it dev” by Ada changes shop/dev, and waits {ASKED}. Nothing is deployed there.",
        "lockstep move shop development dev",
    )
