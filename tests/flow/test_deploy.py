"""What people do: deploy a manifest, try one, plan a ref; each act is recorded, and refused where it does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.deployments import actions
from controller.deployments.actions import DryRun, PlannedRef
from controller.errors import ConflictError, ManifestError, NotFoundError, RetryableError
from controller.history import read
from controller.model.deployment import HoldKind, Mode, Rank, Status
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Phase
from controller.secrets import age
from tests import git_factories
from tests.deploy_factories import REPOSITORY, Script, World, project, sized, world


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1), staging=sized(1)))
        yield made


def manifest(size: int, **more: Any) -> dict[str, Any]:
    resources = {"db": {"type": "thing", "params": {"size": size}}}
    return {"workloads": {"api": {"resources": resources, "outputs": {"SIZE": "${resources.db.outputs.size}"}}}} | more


def deployed(acme: World, size: int = 9, **options: Any) -> Deployment:
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(size), **options)
    assert isinstance(made, Deployment)
    return made


def test_a_manifest_is_deployed_with_the_catalogue_of_the_tip_and_pins_the_environment(acme: World) -> None:
    made = deployed(acme, reason="hot fix")
    assert (made.rank, made.mode, made.created_by, made.reason) == (Rank.PERSON, Mode.DEPLOY, "ann", "hot fix")
    acme.settle()
    row, found = acme.last("development"), acme.environment("development")
    assert (row.status, row.commit) == (Status.SUCCEEDED, acme.deployments()[0].commit)
    assert (found.applied, found.live_commit) == (row.desired_digest, None)
    (hold,) = found.holds
    assert (hold.kind, hold.who, hold.why) == (HoldKind.PINNED, "ann", "hot fix")
    assert read.details(acme.doors.store, row.id).manifest == manifest(9)


def test_a_manifest_that_says_what_git_says_pins_nothing(acme: World) -> None:
    deployed(acme, 1)
    acme.settle()
    assert acme.environment("development").holds == ()


def test_a_dry_run_stores_nothing(acme: World) -> None:
    before = (acme.deployments(), read.audit(acme.doors.store), acme.environment("development"))
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest(9), dry_run=True)
    assert isinstance(made, DryRun)
    assert (made.is_new, made.warnings, made.manifest) == (True, (), manifest(9))
    assert made.changes == ("`thing.default#workloads.api.db` params changed: param `size` changed",)
    assert (acme.deployments(), read.audit(acme.doors.store), acme.environment("development")) == before


def test_a_plan_that_is_only_a_plan_changes_nothing_and_works_on_a_copy(acme: World) -> None:
    before = acme.environment("development")
    made = deployed(acme, plan_only=True)
    acme.settle()
    row = read.deployment(acme.doors.store, made.id)
    assert (row.status, row.message) == (Status.PLANNED, "planned")
    assert acme.environment("development") == before
    assert acme.runner.jobs[-1].private


def test_a_wrong_manifest_is_refused_with_every_problem(acme: World) -> None:
    wrong = manifest(1)
    wrong["workloads"]["api"]["resources"]["db"]["type"] = "thingg"
    wrong["workloads"]["api"]["resources"]["other"] = {"type": "thing", "params": {"sizee": 1}}
    with pytest.raises(ManifestError) as e:
        actions.deploy_manifest(acme.doors, "ann", "shop", "development", wrong)
    assert [problem.remedy for problem in e.value.problems] == ["did you mean `size`?", "did you mean `thing`?"]
    assert len(acme.deployments()) == 2


def test_an_unknown_environment_is_refused_with_a_near_name(acme: World) -> None:
    with pytest.raises(NotFoundError) as e:
        actions.deploy_manifest(acme.doors, "ann", "shop", "develpment", manifest(1))
    assert str(e.value) == "project `shop` has no environment `develpment`; did you mean `development`?"


def test_another_last_deployment_than_expected_is_a_conflict(acme: World) -> None:
    last = acme.last("development").id
    deployed(acme, expect_last=last)
    with pytest.raises(ConflictError, match=f"not {last}; look at what was deployed, then deploy again"):
        deployed(acme, 8, expect_last=last)


def test_keys_that_a_person_brings_stay_with_that_person(acme: World) -> None:
    log, outputs = age.generate(), age.generate()
    made = deployed(acme, log_recipient=log.recipient, outputs_recipient=outputs.recipient)
    acme.settle()
    found = read.details(acme.doors.store, made.id)
    assert (made.log_recipient, made.outputs_recipient) == (log.recipient, outputs.recipient)
    assert (found.log_key, found.outputs_key) == (None, None)
    ((_, chunk),) = read.log_chunks(acme.doors.store, made.id)
    assert age.decrypt(chunk, log.secret.reveal()) == f"lockstep-log/1 {made.id} 1 end\n".encode()


def test_a_key_that_is_none_is_refused(acme: World) -> None:
    with pytest.raises(ConflictError, match="recipient `age1nonsense`"):
        deployed(acme, log_recipient="age1nonsense")


def test_two_people_one_after_the_other_each_get_their_turn(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    first = deployed(acme, 8)
    acme.settle()
    second = deployed(acme, 9)
    acme.settle()
    assert read.deployment(acme.doors.store, first.id).status is Status.APPLYING
    acme.runner.script = Script()
    acme.runner.lose(first.id)
    acme.settle()
    assert [read.deployment(acme.doors.store, made.id).status for made in (first, second)] == [Status.SUCCEEDED] * 2


def test_resuming_what_is_not_held_is_a_conflict(acme: World) -> None:
    with pytest.raises(ConflictError) as e:
        actions.resume(acme.doors, "ann", "shop", "development")
    assert str(e.value) == "shop/development is not held; it follows Git already"


def test_a_refresh_polls_now_and_says_what_went_wrong(acme: World, tmp_path: Path) -> None:
    commit = acme.push({"projects/shop/development/app.manifest.yaml": sized(4)})
    actions.refresh(acme.doors, "ann", REPOSITORY)
    acme.settle()
    assert acme.last("development").commit == commit
    (tmp_path / "origin.git").rename(tmp_path / "away.git")
    with pytest.raises(RetryableError):
        actions.refresh(acme.doors, "ann", REPOSITORY)
    with pytest.raises(NotFoundError) as e:
        actions.refresh(acme.doors, "ann", "acmee")
    assert str(e.value) == "repository `acmee` is not watched; did you mean `acme`?"


def planned(acme: World, files: dict[str, git_factories.Content], ref: str = "feature") -> PlannedRef:
    """Push a branch and plan it."""
    base = str(acme.repo.references["refs/heads/main"].target)
    acme.push(files, branch=ref, parents=[base])
    return actions.plan_ref(acme.doors, "ann", ref)


DEVELOPMENT = "projects/shop/development/app.manifest.yaml"


def test_a_ref_is_planned_where_it_would_change_something(acme: World) -> None:
    found = planned(acme, {DEVELOPMENT: sized(5)})
    assert [row.environment for row in found.deployments] == ["development"]
    assert (found.ref, found.unchanged, dict(found.problems)) == ("refs/heads/feature", ("shop/staging",), {})
    before = acme.environment("development")
    acme.settle()
    (row,) = actions.planned_ref(acme.doors, found.id).deployments
    assert (row.status, row.ref, row.mode) == (Status.PLANNED, "refs/heads/feature", Mode.PLAN_ONLY)
    assert acme.environment("development") == before
    assert acme.runner.jobs[-1].private
    text = found.comment()
    assert text.startswith("<!-- lockstep plan acme -->\n\n### Lockstep: 1 environment would change\n")
    assert "| `shop/development` | 1 |  |  |  | planned |" in text
    assert "- `thing.default#workloads.api.db` params changed: param `size` changed" in text
    assert "```mermaid\nflowchart LR" in text


def test_it_is_the_merge_that_is_planned(acme: World) -> None:
    """What the watched branch changed meanwhile is not undone by the plan."""
    base = str(acme.repo.references["refs/heads/main"].target)
    acme.push({DEVELOPMENT: sized(5)}, branch="feature", parents=[base])
    acme.deploy({"projects/shop/staging/app.manifest.yaml": sized(6)})
    found = actions.plan_ref(acme.doors, "ann", "feature")
    assert [row.environment for row in found.deployments] == ["development"]


def test_a_ref_that_changes_nothing_plans_nothing(acme: World) -> None:
    found = planned(acme, {"README.md": "hello"})
    assert (found.deployments, found.unchanged) == ((), ("shop/development", "shop/staging"))
    assert "### Lockstep: nothing would change" in found.comment()


def test_a_wrong_ref_is_told_with_file_and_line(acme: World) -> None:
    found = planned(acme, {DEVELOPMENT: sized(5).replace("thing", "thingg")})
    ((slug, problems),) = found.problems.items()
    assert (slug, len(problems), found.deployments) == ("shop/development", 1, ())
    assert problems[0].startswith(f"{DEVELOPMENT}:4:")
    assert "### Lockstep: 1 environment cannot be planned" in found.comment()


def test_a_ref_that_does_not_merge_names_its_paths(acme: World) -> None:
    base = str(acme.repo.references["refs/heads/main"].target)
    acme.push({DEVELOPMENT: sized(5)}, branch="feature", parents=[base])
    acme.deploy({DEVELOPMENT: sized(6)})
    found = actions.plan_ref(acme.doors, "ann", "feature")
    assert (found.conflicts, found.deployments) == ((DEVELOPMENT,), ())
    assert f"- `{DEVELOPMENT}`" in found.comment()


def test_a_new_environment_is_planned_only_where_its_runner_says_so(acme: World) -> None:
    new = {"projects/shop/preview/app.manifest.yaml": sized(1)}
    found = planned(acme, new)
    assert dict(found.notes) == {
        "shop/preview": "new; not planned before the merge: runner `local` has no `request` section"
    }
    runner = (
        "id: local\nrunner_configuration: {type: local, env: {A: for-deployments}, request: {env: {B: for-requests}}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    acme.deploy({"platform/runners/local.yaml": runner})
    found = planned(acme, new, "second")
    acme.settle()
    (row,) = actions.planned_ref(acme.doors, found.id).deployments
    assert (row.environment, row.status) == ("preview", Status.PLANNED)
    given = acme.runner.environments[-1]
    assert ("A" in given, "B" in given) == (False, True)
    assert str(acme.runner.jobs[-1].state).startswith(str(acme.doors.data / "runs"))


def test_a_ref_does_not_choose_what_its_plan_is_given(acme: World) -> None:
    runner = (
        "id: local\nrunner_configuration: {type: local, request: {env_from_file: production.env}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    planned(acme, {DEVELOPMENT: sized(5), "platform/runners/local.yaml": runner})
    acme.settle()
    assert acme.last("development").status is Status.PLANNED


def test_a_directory_that_a_ref_removes_is_told(acme: World) -> None:
    found = planned(acme, {DEVELOPMENT: None, "projects/shop/development/environment.yaml": None})
    assert dict(found.notes) == {"shop/development": "its directory would be gone; it would be marked for removal"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("on_removal: destroy\n", "it would be destroyed (on_removal: destroy)"),
        ("on_removal: keep\n", "it would stay as it is (on_removal: keep)"),
    ],
)
def test_what_would_become_of_a_directory_that_a_ref_removes_is_told(acme: World, settings: str, said: str) -> None:
    acme.deploy({DEVELOPMENT: sized(7), "projects/shop/development/environment.yaml": settings})
    acme.settle()
    found = planned(acme, {DEVELOPMENT: None, "projects/shop/development/environment.yaml": None})
    assert dict(found.notes) == {"shop/development": f"its directory would be gone; {said}"}


def test_an_unknown_ref_is_refused_with_a_near_name(acme: World) -> None:
    acme.push({"a": "b"}, branch="feature")
    with pytest.raises(NotFoundError, match="has no ref `faeture`; did you mean `feature`"):
        actions.plan_ref(acme.doors, "ann", "faeture")


def test_a_failed_plan_of_a_ref_is_no_failure_of_the_environment(acme: World) -> None:
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no such thing")
    found = planned(acme, {DEVELOPMENT: sized(5)})
    acme.settle()
    assert acme.environment("development").decided is not None
    assert acme.environment("development").decided.ended is Status.SUCCEEDED  # type: ignore[union-attr]
    assert "❌ `plan failed: no such thing`" in found.comment()
