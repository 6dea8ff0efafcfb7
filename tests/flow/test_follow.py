"""A commit goes in; verdicts, deployments and the state of every environment come out."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import controller
from controller.deployments import actions, evaluate, follow
from controller.deployments.doors import Connection
from controller.deployments.memory import Memory
from controller.git.mirror import Mirror
from controller.history import decided, read, watching
from controller.model.deployment import EnvironmentStatus, Mode, Status, VerdictKind
from controller.model.record import CommitRange
from controller.runner.protocol import Ended
from tests import git_factories
from tests.databases import both_databases
from tests.deploy_factories import PLATFORM, REPOSITORY, Script, World, project, sized, world


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


DEVELOPMENT = "projects/shop/development/app.manifest.yaml"
STAGING = "projects/shop/staging/app.manifest.yaml"


def test_one_commit_that_changes_one_environment_makes_one_deployment(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(2)))
    commit = acme.deploy({STAGING: sized(3)}, message="Grow staging\n\nIt was too small.")
    assert len(acme.deployments()) == 3
    row = acme.last("staging")
    assert (row.status, row.commit, row.commit_author, row.commit_subject) == (
        Status.SUCCEEDED,
        commit,
        "Ada",
        "Grow staging",
    )
    assert row.reason == f"commit {commit[:10]} changes it"
    assert acme.told(commit) == {"development": "unchanged", "staging": "deployed"}
    assert acme.environment("staging").live_commit == commit
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == 3


def test_a_commit_that_changes_no_wish_deploys_nothing(acme: World) -> None:
    first = acme.deploy(project(development=sized(1)))
    second = acme.deploy({"README.md": "Hello", DEVELOPMENT: f"# A comment.\n{sized(1)}"})
    assert acme.told(second) == {"development": "unchanged"}
    assert acme.environment("development").live_commit == first
    assert len(acme.deployments()) == 1


def test_at_first_sight_only_the_tip_is_decided(acme: World) -> None:
    acme.push(project(development=sized(1)))
    tip = acme.deploy({DEVELOPMENT: sized(2)})
    assert [row.id for row in decided.commits(acme.doors.store, REPOSITORY)] == [tip]
    assert decided.ranges(acme.doors.store, REPOSITORY) == [CommitRange(None, tip, "before Lockstep")]
    assert [row.commit for row in acme.deployments()] == [tip]


@both_databases
def test_commits_in_between_are_superseded_by_what_is_deployed(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    between, last = acme.push({DEVELOPMENT: sized(2)}), acme.push({DEVELOPMENT: sized(3)})
    acme.poll()
    acme.settle()
    (verdict,) = decided.commit(acme.doors.store, between).verdicts
    assert (verdict.kind, verdict.deployment) == (VerdictKind.SUPERSEDED, acme.last("development").id)
    assert acme.told(last) == {"development": "deployed"}


@both_databases
def test_a_commit_that_was_taken_back_is_reverted_and_nothing_is_deployed(acme: World) -> None:
    first = acme.deploy(project(development=sized(1)))
    taken_back, back = acme.push({DEVELOPMENT: sized(2)}), acme.push({DEVELOPMENT: sized(1)})
    acme.poll()
    acme.settle()
    (verdict,) = decided.commit(acme.doors.store, taken_back).verdicts
    assert (verdict.kind, verdict.other_commit) == (VerdictKind.REVERTED, back)
    assert len(acme.deployments()) == 1
    assert acme.environment("development").live_commit == back != first


BROKEN = """\
workloads:
  api:
    resources:
      db: {type: thingg, params: {size: 1}}
      other: {type: thing, params: {sizee: 2}}
"""


@both_databases
def test_a_wrong_commit_is_rejected_with_every_problem_and_touches_nothing_else(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1)))
    commit = acme.deploy({DEVELOPMENT: BROKEN, STAGING: sized(2)})
    assert acme.told(commit) == {"development": "rejected", "staging": "deployed"}
    found = acme.environment("development")
    assert found.desired is None
    where = [problem.split(":")[:2] for problem in found.problems]
    remedies = [problem.rpartition("; ")[2] for problem in found.problems]
    assert (where, remedies) == (
        [[DEVELOPMENT, "4"], [DEVELOPMENT, "5"]],
        ["did you mean `thing`?", "did you mean `size`?"],
    )
    assert found.applied == acme.deployments("development")[0].desired_digest
    mended = acme.deploy({DEVELOPMENT: sized(1)})
    assert acme.told(mended)["development"] == "unchanged"
    assert acme.environment("development").problems == ()


def test_what_was_valid_before_a_wrong_commit_is_deployed(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    valid, wrong = acme.push({DEVELOPMENT: sized(2)}), acme.push({DEVELOPMENT: BROKEN})
    acme.poll()
    acme.settle()
    assert (acme.told(valid), acme.told(wrong)) == ({"development": "deployed"}, {"development": "rejected"})
    assert (acme.last("development").commit, acme.last("development").status) == (valid, Status.SUCCEEDED)


def test_a_broken_layout_rejects_everything_and_removes_nothing(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1)))
    commit = acme.deploy({"lockstep.yaml": "projetcs: x\n"})
    assert acme.told(commit) == {"development": "rejected", "staging": "rejected"}
    assert {row.status for row in read.environments(acme.doors.store)} == {EnvironmentStatus.ACTIVE}
    (repository,) = read.repositories(acme.doors.store)
    assert repository.problems == ("lockstep.yaml:1:1: unknown key `projetcs`; did you mean `projects`?",)
    acme.deploy({"lockstep.yaml": None})
    assert read.repositories(acme.doors.store)[0].problems == ()
    assert len(acme.deployments()) == 2


def test_a_misnamed_file_does_not_make_an_environment_vanish(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1)))
    commit = acme.deploy(
        {
            DEVELOPMENT: None,
            "projects/shop/development/environment.yaml": None,
            "projects/shop/development/manifets.yaml": sized(1),
        }
    )
    assert acme.told(commit)["development"] == "rejected"
    assert acme.environment("development").status is EnvironmentStatus.ACTIVE


def test_a_module_that_changes_redeploys_whoever_uses_it(acme: World) -> None:
    empty = "workloads:\n  api: {}\n"
    acme.deploy(project(development=sized(1), staging=sized(1), other=empty))
    commit = acme.deploy({"platform/modules/thing/more.tf": 'output "more" { value = 1 }\n'})
    assert acme.told(commit) == {"development": "deployed", "other": "unchanged", "staging": "deployed"}


def test_a_directory_that_is_gone_marks_the_environment_and_destroys_nothing(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1), other=sized(1)))
    gone = {DEVELOPMENT: None, "projects/shop/development/environment.yaml": None}
    commit = acme.deploy(gone)
    found = acme.environment("development")
    assert (found.status, found.desired) == (EnvironmentStatus.MARKED_FOR_REMOVAL, None)
    assert found.note == (
        "its directory is gone from Git; it stays as it is until somebody deletes it (`lockstep delete environment`)"
    )
    assert "development" not in acme.told(commit)
    acme.deploy(project(development=sized(1)))
    assert acme.environment("development").status is EnvironmentStatus.ACTIVE
    assert len(acme.deployments("development")) == 1


def test_many_that_vanish_at_once_are_not_even_marked(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1)))
    acme.deploy({DEVELOPMENT: None, STAGING: None} | dict.fromkeys(environment_files("development", "staging")))
    assert {row.status for row in read.environments(acme.doors.store)} == {EnvironmentStatus.ACTIVE}
    assert read.repositories(acme.doors.store)[0].problems == (
        "2 of 2 environments vanished at once; nothing is removed",
    )


def environment_files(*names: str) -> list[str]:
    return [f"projects/shop/{name}/environment.yaml" for name in names]


def test_what_waits_in_the_queue_of_a_vanished_environment_ends(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1), other=sized(1)))
    acme.push({DEVELOPMENT: sized(2)})
    acme.poll()
    acme.push({DEVELOPMENT: None} | dict.fromkeys(environment_files("development")))
    acme.poll()
    assert acme.last("development").status is Status.SUPERSEDED


@both_databases
def test_after_a_force_push_the_new_line_is_told_and_the_old_one_stays(acme: World) -> None:
    base = acme.deploy(project(development=sized(1)))
    old = acme.deploy({DEVELOPMENT: sized(2)})
    new = acme.push({DEVELOPMENT: sized(2), "README.md": "rebased"}, parents=[base])
    acme.poll()
    acme.settle()
    assert {row.id: row.on_branch for row in decided.commits(acme.doors.store, REPOSITORY)} == {
        base: True,
        old: False,
        new: True,
    }
    assert acme.environment("development").live_commit == new
    assert len(acme.deployments()) == 2


def test_a_force_push_back_deploys_what_was_before(acme: World) -> None:
    base = acme.deploy(project(development=sized(1)))
    acme.deploy({DEVELOPMENT: sized(2)})
    git_factories.point(acme.repo, "refs/heads/main", base)
    acme.poll()
    acme.settle()
    row = acme.last("development")
    assert (len(acme.deployments()), row.commit, row.status) == (3, base, Status.SUCCEEDED)
    assert acme.environment("development").live_commit == base


def test_a_merge_counts_as_one_commit_of_the_branch(acme: World) -> None:
    base = acme.deploy(project(development=sized(1)))
    side = acme.push({DEVELOPMENT: sized(2)}, branch="feature", parents=[base])
    merge = acme.push({DEVELOPMENT: sized(2)}, message="Merge feature", parents=[base, side])
    acme.poll()
    acme.settle()
    assert [row.id for row in decided.commits(acme.doors.store, REPOSITORY)] == [merge, base]
    assert acme.last("development").commit == merge


def test_a_branch_that_goes_on_where_a_merged_one_ended_is_told_from_there(acme: World) -> None:
    """The commit that was only merged was never on the branch itself: it has no verdict yet."""
    base = acme.deploy(project(development=sized(1)))
    side = acme.push({DEVELOPMENT: sized(2)}, branch="feature", parents=[base])
    merge = acme.push({DEVELOPMENT: sized(2)}, message="Merge feature", parents=[base, side])
    acme.poll()
    acme.settle()
    git_factories.point(acme.repo, "refs/heads/main", side)
    acme.poll()
    acme.settle()
    assert {row.id: row.on_branch for row in decided.commits(acme.doors.store, REPOSITORY)} == {
        base: True,
        merge: False,
        side: True,
    }
    assert acme.told(side) == {"development": "deployed"}
    assert acme.environment("development").live_commit == side
    assert len(acme.deployments()) == 2


def test_a_merge_the_wrong_way_round_is_told_along_its_own_line(acme: World) -> None:
    """What a commit has changed is said against its predecessor there, not against a commit that came by the merge."""
    base = acme.deploy(project(development=sized(1)))
    ours = acme.deploy({DEVELOPMENT: sized(2)})
    side = acme.push({"README.md": "notes"}, branch="feature", parents=[base])
    acme.push({DEVELOPMENT: sized(2)}, message="Merge main", parents=[side, ours])
    acme.poll()
    acme.settle()
    assert acme.told(side) == {"development": "unchanged"}
    assert [row.on_branch for row in decided.commits(acme.doors.store, REPOSITORY)] == [True, True, False, True]
    assert len(acme.deployments()) == 2


def test_a_force_push_to_before_the_first_sight_is_decided_as_that_was(acme: World) -> None:
    old = acme.push(project(development=sized(1)))
    first = acme.deploy({DEVELOPMENT: sized(2)})
    git_factories.point(acme.repo, "refs/heads/main", old)
    acme.poll()
    acme.settle()
    assert (acme.told(old), acme.told(first)) == ({"development": "deployed"}, {"development": "deployed"})
    new = acme.push({"README.md": "notes"})
    acme.poll()
    assert acme.told(new) == {"development": "unchanged"}
    assert {row.id: row.on_branch for row in decided.commits(acme.doors.store, REPOSITORY)} == {
        old: True,
        first: False,
        new: True,
    }


def test_a_commit_that_goes_back_to_one_that_waits_still_is_no_other_when_it_is_decided_again(acme: World) -> None:
    """1, then 2, 3 and 2 again at once; something else wakes the decision while that is not deployed yet."""
    acme.deploy(project(development=sized(1)))
    commits = [acme.push({DEVELOPMENT: sized(size)}) for size in (2, 3, 2)]
    acme.poll()
    for _ in range(2):
        told = [acme.told(commit)["development"] for commit in commits]
        assert told == ["superseded", "reverted", "deployed"]
        watching.wake(acme.doors.store, REPOSITORY)
        acme.decide()
    acme.settle()
    assert acme.environment("development").live_commit == commits[2]


def test_settings_of_a_line_that_was_left_count_no_more(acme: World) -> None:
    """Staging observes, then follows; then the branch is set back, to go on with settings that cannot be read."""
    path = "projects/shop/staging/environment.yaml"
    base = acme.deploy(project(staging=sized(1)) | {path: "mode: observe\n"})
    acme.deploy({path: "limits: {replace: unlimited}\n"})
    assert acme.last("staging").status is Status.SUCCEEDED
    acme.push({path: "nonsense: 1\n", "projects/shop/staging/app.manifest.yaml": sized(2)}, parents=[base])
    acme.poll()
    acme.settle()
    assert acme.environment("staging").observes
    acme.deploy({path: None})
    assert not acme.environment("staging").observes


def test_a_commit_at_which_it_had_another_name_has_its_verdict(acme: World) -> None:
    """Renamed and renamed back, all at once: it says itself who it is."""
    folder, other = "projects/shop/development", "projects/shop/dev"
    files = {"environment.yaml": "uuid: 6f1c2ab0-0000-4000-8000-000000000001\n", "app.manifest.yaml": sized(1)}
    acme.deploy({f"{folder}/{name}": text for name, text in files.items()} | project(staging=sized(1)))
    there = {f"{other}/{name}": text for name, text in files.items()}
    away = acme.push({f"{folder}/{name}": None for name in files} | there)
    back = acme.push({f"{other}/{name}": None for name in files} | {f"{folder}/{n}": text for n, text in files.items()})
    acme.poll()
    acme.settle()
    assert (acme.told(away), acme.told(back)) == ({"development": "unchanged", "staging": "unchanged"},) * 2
    assert len(acme.deployments()) == 2


def test_a_commit_from_before_it_was_renamed_is_deployed_under_the_new_name(acme: World) -> None:
    """Both came at once; the deployment is that commit's, which changed what it wants."""
    folder, other = "projects/shop/development", "projects/shop/dev"
    settings = "uuid: 6f1c2ab0-0000-4000-8000-000000000001\n"
    acme.deploy({f"{folder}/environment.yaml": settings, f"{folder}/app.manifest.yaml": sized(1)})
    grown = acme.push({f"{folder}/app.manifest.yaml": sized(2)})
    there = {f"{other}/environment.yaml": settings, f"{other}/app.manifest.yaml": sized(2)}
    acme.deploy({f"{folder}/environment.yaml": None, f"{folder}/app.manifest.yaml": None} | there)
    row = acme.last("dev")
    assert (row.status, row.commit, row.reason) == (Status.SUCCEEDED, grown, f"commit {grown[:10]} changes it")
    assert (acme.told(grown), acme.environment("dev").live_commit) == ({"dev": "deployed"}, grown)


@pytest.mark.parametrize("polls", ["at each commit", "at the end"])
def test_a_layout_that_cannot_be_read_rejects_what_was_declared_before(acme: World, polls: str) -> None:
    """Neither one that was new in a commit before it is left out, nor one that is gone told anything."""
    acme.deploy(project(development=sized(1), staging=sized(1), production=sized(1)))
    acme.deploy({f"projects/shop/staging/{name}": None for name in ("environment.yaml", "app.manifest.yaml")})
    acme.push(project(lab=sized(1)))
    if polls == "at each commit":
        acme.poll()
        acme.settle()
    commit = acme.push({"lockstep.yaml": "projects: ["})
    acme.poll()
    acme.settle()
    assert acme.told(commit) == dict.fromkeys(("development", "lab", "production"), "rejected")
    assert acme.environment("staging").status is EnvironmentStatus.MARKED_FOR_REMOVAL
    mended = acme.push({"lockstep.yaml": None})
    acme.poll()
    acme.settle()
    assert acme.told(mended) == dict.fromkeys(("development", "lab", "production"), "unchanged")


PROMOTED = "source: environment://staging\nlimits: {replace: unlimited}\n"


def promoted() -> dict[str, git_factories.Content]:
    """Staging, and a production that runs what staging deployed last."""
    files = project(staging=sized(1))
    return files | {"projects/shop/production/environment.yaml": PROMOTED}


def test_a_target_waits_for_its_source_and_then_runs_what_that_deployed(acme: World) -> None:
    commit = acme.push(promoted())
    acme.poll()
    assert acme.told(commit) == {
        "production": "held (environment://staging has nothing deployed)",
        "staging": "deployed",
    }
    assert acme.environment("production").note == "environment://staging has nothing deployed"
    acme.settle()
    row = acme.last("production")
    assert (row.status, row.commit, row.source_commit) == (Status.SUCCEEDED, commit, commit)
    assert acme.told(commit) == {"production": "deployed", "staging": "deployed"}


@both_databases
def test_a_success_of_the_source_wakes_the_target(acme: World) -> None:
    acme.deploy(promoted())
    commit = acme.deploy({STAGING: sized(5)})
    staging, production = acme.last("staging"), acme.last("production")
    assert production.desired_digest == staging.desired_digest
    assert (production.commit, production.source_commit) == (commit, commit)
    assert production.reason == f"environment://staging was deployed ({staging.id})"
    assert acme.told(commit) == {"production": "deployed", "staging": "deployed"}
    assert acme.environment("production").live_commit == commit


def test_a_failure_of_the_source_leaves_the_target_as_it_is(acme: World) -> None:
    acme.deploy(promoted())
    before = acme.environment("production").applied
    acme.runner.script = Script(plan=Ended.FAILED, message="no")
    commit = acme.deploy({STAGING: sized(5)})
    assert acme.environment("production").applied == before
    assert acme.told(commit) == {"production": "unchanged", "staging": "deployed"}


def test_sources_go_first_when_one_commit_changes_both(acme: World) -> None:
    """The target does not deploy the new module with the old manifest in between."""
    acme.deploy(promoted())
    commit = acme.deploy({"platform/modules/thing/more.tf": 'output "more" { value = 1 }\n', STAGING: sized(7)})
    assert [(row.environment, row.status) for row in acme.deployments()[2:]] == [
        ("production", Status.SUPERSEDED),
        ("staging", Status.SUCCEEDED),
        ("production", Status.SUCCEEDED),
    ]
    assert acme.last("production").desired_digest == acme.last("staging").desired_digest
    assert acme.told(commit) == {"production": "deployed", "staging": "deployed"}


def test_a_circle_of_sources_is_rejected_with_its_path(acme: World) -> None:
    files = project(staging=sized(1))
    commit = acme.deploy(
        files
        | {
            "projects/shop/one/environment.yaml": "source: environment://two\n",
            "projects/shop/two/environment.yaml": "source: environment://one\n",
        }
    )
    assert acme.told(commit) == {"one": "rejected", "staging": "deployed", "two": "rejected"}
    assert acme.environment("one").problems == (
        "projects/shop/one/environment.yaml:1:9: sources go round in a circle: one → two → one; "
        "take one `source` out of it",
    )


def test_an_environment_opens_only_after_those_it_names_are_in_step(acme: World) -> None:
    files = project(staging=sized(1), production=sized(1))
    files["projects/shop/production/environment.yaml"] = "after: [staging]\nlimits: {replace: unlimited}\n"
    commit = acme.push(files)
    acme.poll()
    assert acme.told(commit) == {"production": "held (after `staging`)", "staging": "deployed"}
    acme.settle()
    assert acme.told(commit) == {"production": "deployed", "staging": "deployed"}
    acme.runner.script = Script(plan=Ended.FAILED, message="no")
    broken = acme.deploy({STAGING: sized(2), "projects/shop/production/app.manifest.yaml": sized(2)})
    assert acme.told(broken) == {"production": "held (after `staging`)", "staging": "deployed"}
    assert len(acme.deployments("production")) == 1


@pytest.mark.parametrize("polls", ["each", "the last"])
def test_settings_that_cannot_be_read_take_no_turn_away(acme: World, polls: str) -> None:
    """What goes first is said by the newest settings that could be read, whatever was polled when."""
    files = project(staging=sized(1), production=sized(1))
    settings = "projects/shop/production/environment.yaml"
    acme.deploy(files)
    acme.push({settings: "after: [staging]\nlimits: {replace: unlimited}\n"}, "Staging goes first")
    if polls == "each":
        acme.poll()
    acme.runner.script = Script(plan=Ended.FAILED, message="no")
    grown = acme.push({STAGING: sized(2), "projects/shop/production/app.manifest.yaml": sized(2)}, "Grow both")
    if polls == "each":
        acme.poll()
    broken = acme.push({settings: "after: 3\n"}, "Break it")
    acme.poll()
    acme.settle()
    assert acme.told(grown) == {"production": "held (after `staging`)", "staging": "deployed"}
    assert acme.told(broken) == {"production": "rejected", "staging": "unchanged"}
    assert (len(acme.deployments("production")), acme.environment("production").lasting.after) == (1, ("staging",))
    acme.runner.script = Script()
    acme.push({STAGING: sized(2, "other")}, "Grow otherwise")
    acme.poll()
    acme.settle()
    assert acme.told(grown) == {"production": "deployed", "staging": "deployed"}


def test_an_observed_environment_is_planned_and_never_applied(acme: World) -> None:
    files = project(development=sized(1))
    files["projects/shop/development/environment.yaml"] = "mode: observe\n"
    commit = acme.deploy(files)
    row = acme.last("development")
    assert (row.mode, row.status, acme.told(commit)) == (
        Mode.PLAN_ONLY,
        Status.PLANNED,
        {"development": "held (observe)"},
    )
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == 1
    following = acme.deploy({"projects/shop/development/environment.yaml": "mode: follow\n"})
    assert (acme.last("development").status, acme.told(following)) == (Status.SUCCEEDED, {"development": "unchanged"})
    assert acme.told(commit) == {"development": "deployed"}


def test_a_commit_that_would_change_a_binding_is_rejected(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    runner = (
        "id: {}\nrunner_configuration: {{type: local}}\nstate_storage_configuration: {{type: local}}\nrules: [{{}}]\n"
    )
    commit = acme.deploy({"platform/runners/other.yaml": runner.format("other"), DEVELOPMENT: sized(2)})
    assert acme.told(commit) == {"development": "rejected"}
    assert acme.environment("development").problems == (
        "platform/runners/other.yaml:1:1: runner would change from `local` to `other`; "
        "run `lockstep rebind shop development`",
    )
    assert acme.environment("development").applied is not None


def test_a_commit_that_would_move_a_state_to_another_place_is_rejected(acme: World) -> None:
    runner = "id: far\nrunner_configuration: {{type: local}}\nstate_storage_configuration: {}\nrules: [{{}}]\n"
    first = {"platform/runners/far.yaml": runner.format("{type: s3, bucket: one}")}
    acme.deploy(first | project(development=sized(1)))
    commit = acme.deploy({"platform/runners/far.yaml": runner.format("{type: s3, bucket: other}")})
    assert acme.told(commit) == {"development": "rejected"}
    assert acme.environment("development").problems == (
        "platform/runners/far.yaml:1:1: state storage would change to another place; "
        "run `lockstep rebind shop development`",
    )
    back = acme.deploy({"platform/runners/far.yaml": runner.format("{type: gcs, bucket: one}")})
    assert acme.told(back) == {"development": "rejected"}
    assert acme.environment("development").problems == (
        "platform/runners/far.yaml:1:1: state storage would change from `s3` to `gcs`; "
        "run `lockstep rebind shop development`",
    )
    assert len(acme.deployments()) == 1


def test_a_commit_that_would_change_an_identity_is_rejected(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    uuid, other = acme.environment("development").uuid, "6f1c1f6e-7b0e-4a53-9a55-0d3a3b1c2d3e"
    commit = acme.deploy({"projects/shop/development/environment.yaml": f"approval: none\nuuid: {other}\n"})
    assert acme.told(commit) == {"development": "rejected"}
    assert acme.environment("development").problems == (
        f"projects/shop/development/environment.yaml:2:7: uuid would change from {uuid} to {other}; "
        f"an environment keeps its identity: write `uuid: {uuid}`, or leave it out",
    )
    back = acme.deploy({"projects/shop/development/environment.yaml": f"approval: none\nuuid: {uuid}\n"})
    assert (acme.told(back), acme.environment("development").uuid) == ({"development": "unchanged"}, uuid)


def test_an_identity_of_another_environment_is_rejected(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    uuid = acme.environment("development").uuid
    acme.deploy(project(staging=sized(1)) | {"projects/shop/staging/environment.yaml": f"uuid: {uuid}\n"})
    assert acme.environment("staging").problems == (
        f"projects/shop/staging/environment.yaml:1:1: uuid {uuid} is that of shop/development; "
        "each environment needs its own",
    )


@both_databases
def test_a_pin_holds_against_commits_and_ends_by_resuming(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(9), reason="hot fix")
    acme.settle()
    held = acme.deploy({"projects/shop/more.manifest.yaml": "shared:\n  extra: {type: thing, params: {size: 1}}\n"})
    assert acme.told(held) == {"development": "held (pinned by ann)"}
    assert len(acme.deployments()) == 2
    actions.resume(acme.doors, "bob", "shop", "development")
    acme.settle()
    row = acme.last("development")
    assert (row.commit, row.status, acme.told(held)) == (held, Status.SUCCEEDED, {"development": "deployed"})
    assert acme.environment("development").holds == ()


def manifest(size: int) -> dict[str, object]:
    resources = {"db": {"type": "thing", "params": {"size": size}}}
    return {"workloads": {"api": {"resources": resources, "outputs": {"SIZE": "${resources.db.outputs.size}"}}}}


def test_a_commit_in_the_own_directory_ends_a_pin_after_somebody_has_looked(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(9), reason="hot fix")
    acme.settle()
    commit = acme.deploy({DEVELOPMENT: sized(3)})
    row = acme.last("development")
    assert (row.status, row.commit) == (Status.AWAITING_APPROVAL, commit)
    assert row.message == f"it undoes what ann deployed (hot fix); commit {commit[:10]} ended the pin"
    assert acme.environment("development").holds == ()
    actions.approve(acme.doors, "ann", row.id)
    acme.settle()
    assert acme.environment("development").live_commit == commit


def test_a_pin_that_git_has_caught_up_with_ends_without_a_deployment(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(9))
    acme.settle()
    commit = acme.deploy({DEVELOPMENT: sized(9)})
    assert (len(acme.deployments()), acme.environment("development").holds) == (2, ())
    assert acme.told(commit) == {"development": "deployed"}
    assert acme.environment("development").live_commit == commit


@both_databases
def test_git_waits_while_a_person_deploys_and_is_decided_again_when_that_came_to_nothing(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    acme.runner.script = Script(plan=Ended.FAILED, message="no")
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(9))
    commit = acme.push({DEVELOPMENT: sized(2)})
    acme.poll()
    assert acme.told(commit) == {"development": f"held (behind deployment {made.id} by ann)"}
    acme.carry(str(acme.claim()))
    acme.runner.script = Script()
    acme.settle()
    assert acme.told(commit) == {"development": "deployed"}
    assert acme.environment("development").live_commit == commit


def test_an_upgrade_of_lockstep_opens_nothing(acme: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every digest is computed anew from what was kept, before any is compared."""
    acme.deploy(promoted())
    held = acme.push({STAGING: sized(3)})
    acme.runner.script = Script(plan=Ended.FAILED, message="no")
    acme.poll()
    acme.settle()
    before = {row.slug: row.applied for row in read.environments(acme.doors.store)}
    canonical = evaluate.pipeline.desired.desired

    def otherwise(*given: object, **named: object) -> object:
        made = canonical(*given, **named)  # type: ignore[arg-type]
        document = {**made.document, "new": "field"}
        return dataclasses.replace(made, document=document, digest=f"new-{made.digest}")

    monkeypatch.setattr(evaluate.pipeline.desired, "desired", otherwise)
    monkeypatch.setattr(controller, "__version__", "99.0")
    acme = acme.restarted()
    acme.doors = dataclasses.replace(acme.doors, memory=Memory())
    watching.wake(acme.doors.store, REPOSITORY)
    count = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == count
    after = {row.slug: row.applied for row in read.environments(acme.doors.store)}
    assert after == {slug: f"new-{digest}" if digest else None for slug, digest in before.items()}
    assert acme.told(held)["staging"] == "deployed"


def test_a_remote_that_does_not_answer_is_recorded_and_asked_less_often(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(development=sized(1)))
    shutil.move(tmp_path / "origin.git", tmp_path / "away.git")
    patience = timedelta(minutes=10)
    for _ in range(2):
        acme.clock.forward(timedelta(minutes=5))
        follow.poll(acme.doors, REPOSITORY, patience=patience)
    (repository,) = read.repositories(acme.doors.store)
    assert repository.error is not None
    polled = repository.polled_at
    acme.clock.forward(timedelta(seconds=100))
    follow.poll(acme.doors, REPOSITORY, patience=patience)
    assert read.repositories(acme.doors.store)[0].polled_at == polled
    shutil.move(tmp_path / "away.git", tmp_path / "origin.git")
    acme.clock.forward(timedelta(seconds=200))
    follow.poll(acme.doors, REPOSITORY, patience=patience)
    assert read.repositories(acme.doors.store)[0].error is None
    assert acme.environment("development").status is EnvironmentStatus.ACTIVE


def test_a_commit_of_a_deployment_is_kept_wherever_the_branch_goes(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    row = acme.last("development")
    mirror = acme.doors.connections[REPOSITORY].mirror
    assert mirror.known(f"refs/lockstep/deployments/{row.id}") == row.commit


def test_answers_are_computed_only_where_something_changed(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1)))
    acme.deploy({"README.md": "bound by now"})
    memory = acme.doors.memory
    before = dict(memory._entries)
    acme.deploy({STAGING: sized(2), "README.md": "x"})
    changed = [slug for (_, slug), entry in memory._entries.items() if before[REPOSITORY, slug] is not entry]
    assert changed == ["shop/staging"]
    acme.deploy({"platform/resource-types/other.yaml": "id: other\ndescription: Another.\n"})
    assert all(memory._entries[key] is not entry for key, entry in before.items())


def test_the_catalogue_of_the_tip_is_shown_without_values(acme: World) -> None:
    runner = (
        "id: local\nrunner_configuration: {type: local, env: {TOKEN: canary-value}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    acme.deploy(project(development=sized(1)) | {"platform/runners/local.yaml": runner})
    found = read.catalogue(acme.doors.store, REPOSITORY)
    assert [each["id"] for each in found["modules"]] == ["thing"]
    assert found["runners"][0]["variables"] == ["TOKEN"]
    assert "canary" not in str(found)


def test_a_project_belongs_to_the_repository_that_declared_it_first(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(development=sized(1)))
    other = git_factories.repository(tmp_path / "other.git")
    git_factories.commit(other, {**PLATFORM, **project(development=sized(5))})
    mirror = Mirror(tmp_path / "other-mirror.git", str(tmp_path / "other.git"))
    connections = {**acme.doors.connections, "other": Connection("other", mirror.address.shown, mirror)}
    doors = dataclasses.replace(acme.doors, connections=connections)
    watching.ensure_repository(doors.store, "other", mirror.address.shown, "main")
    follow.poll(doors, "other")
    follow.decide(doors, "other")
    found = {row.id: row.problems for row in read.repositories(doors.store)}
    assert found["other"] == (
        "shop: project `shop` belongs to repository `acme`, which declared it first; "
        "give it another name, or remove it there",
    )
    assert (acme.environment("development").repository, len(acme.deployments())) == (REPOSITORY, 1)


def test_a_project_that_is_gone_from_a_repository_may_come_from_another(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(development=sized(1)) | {"projects/blog/live/app.manifest.yaml": sized(2)})
    first = acme.environment("development").uuid
    other = git_factories.repository(tmp_path / "other.git")
    git_factories.commit(other, {**PLATFORM, **project(development=sized(5))})
    mirror = Mirror(tmp_path / "other-mirror.git", str(tmp_path / "other.git"))
    connections = {**acme.doors.connections, "other": Connection("other", mirror.address.shown, mirror)}
    acme.doors = dataclasses.replace(acme.doors, connections=connections)
    watching.ensure_repository(acme.doors.store, "other", mirror.address.shown, "main")
    follow.poll(acme.doors, "other")
    follow.decide(acme.doors, "other")
    assert len(acme.deployments()) == 2
    actions.destroy(acme.doors, "ann", "shop", "development")
    acme.settle()
    acme.deploy(dict.fromkeys(project(development=sized(1))))
    actions.destroy(acme.doors, "ann", "shop", "development")  # all of a project at once: nothing is removed by itself
    acme.settle()
    found, last = acme.environment("development"), acme.last("development")
    assert (found.repository, found.uuid == first) == ("other", False)
    assert (last.repository, last.status, last.reason[:16]) == ("other", Status.SUCCEEDED, "first deployment")
    assert {row.id: row.problems for row in read.repositories(acme.doors.store)} == {REPOSITORY: (), "other": ()}
