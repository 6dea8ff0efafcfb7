"""A controller that is at work by itself on the sample: what a commit opens, and that nothing else opens anything."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller import clock
from controller.history import decided, read, watching
from controller.loop import Loop
from controller.model.deployment import FINAL
from controller.model.record import Deployment
from controller.model.tree import walk
from controller.runner.protocol import Ended
from tests.deploy_factories import PLATFORM, REPOSITORY, Script, World, project, sized, world
from tests.git_factories import Content
from tests.sample_factories import sample
from tests.serve_factories import until

ENVIRONMENTS = ("insights/live", "shop/development", "shop/production", "shop/staging")
COLLECTOR = "projects/insights/live/environment.yaml"
SIZES = "projects/insights/live/sizes.manifest.yaml"
STAGING = "projects/shop/staging/environment.yaml"
# Of the small company of `deploy_factories`:
DEVELOPMENT = "projects/shop/development/app.manifest.yaml"
STAGED = "projects/shop/staging/app.manifest.yaml"
FAILURES = (Script(plan=Ended.FAILED, message="no"), Script(apply=Ended.FAILED, message="no"))


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """The sample, watched by a loop that polls it often; every environment has been deployed."""
    with world(tmp_path, backoff=timedelta(seconds=0.1)) as made:
        connection = dataclasses.replace(made.doors.connections[REPOSITORY], poll=timedelta(seconds=0.2))
        made.doors = dataclasses.replace(made.doors, connections={REPOSITORY: connection}, now=clock.now)
        made.push(dict.fromkeys(PLATFORM) | files(), message="Describe our platform")
        loop = Loop(made.doors)
        loop.start()
        try:
            until("every environment", lambda: len(made.deployments()) == 4)
            rest(made)
            yield made
        finally:
            loop.stop()


def files() -> dict[str, Content]:
    tree = sample()
    return {path: tree.read(path) for path, _ in walk(tree)}


def changed(path: str, old: str, new: str) -> dict[str, Content]:
    text = sample().read(path).decode()
    assert old in text
    return {path: text.replace(old, new)}


def rest(acme: World, ticks: int = 1) -> None:
    """Wait until all is decided and nothing is open, and then for so many polls more."""

    def is_at_rest() -> bool:
        (repository,) = read.repositories(acme.doors.store)
        tip = str(acme.repo.references["refs/heads/main"].target)
        is_decided = repository.decided_tip == tip and not watching.undecided(acme.doors.store)
        return is_decided and all(row.status in FINAL for row in acme.deployments())

    for _ in range(ticks):
        polled_at = read.repositories(acme.doors.store)[0].polled_at
        until("the next poll", lambda at=polled_at: read.repositories(acme.doors.store)[0].polled_at != at)
        until("rest", is_at_rest)


def slugs(rows: list[Deployment]) -> list[str]:
    return [f"{row.project}/{row.environment} {row.status}" for row in rows]


def verdicts(acme: World, commit: str) -> dict[str, str]:
    found = decided.commit(acme.doors.store, commit).verdicts
    assert len({(verdict.project, verdict.environment) for verdict in found}) == len(found)
    return {f"{verdict.project}/{verdict.environment}": str(verdict.kind) for verdict in found}


def new(acme: World) -> list[Deployment]:
    """What was opened since the first four."""
    return acme.deployments()[4:]


def test_a_commit_that_changes_one_environment_opens_one_deployment_and_three_ticks_open_none(acme: World) -> None:
    commit = acme.push(
        changed(COLLECTOR, "0.7.2", "0.8.0"),
        message="Update the collector\n\nIt leaked.",
        author=("Grace", "grace@acme.example"),
    )
    rest(acme, ticks=4)
    assert slugs(new(acme)) == ["insights/live succeeded"]
    (row,) = new(acme)
    assert (row.commit, row.commit_author, row.commit_subject) == (commit, "Grace", "Update the collector")
    found = decided.commit(acme.doors.store, commit)
    assert (found.author_name, found.author_email) == ("Grace", "grace@acme.example")
    assert found.message == "Update the collector\n\nIt leaked."
    assert verdicts(acme, commit) == dict.fromkeys(ENVIRONMENTS, "unchanged") | {"insights/live": "deployed"}
    assert read.environment(acme.doors.store, "insights", "live").live_commit == commit


def test_a_commit_that_touches_a_readme_opens_nothing(acme: World) -> None:
    commit = acme.push({"README.md": "Nothing that is deployed.\n", "projects/shop/config/notes.txt": "Nor this.\n"})
    rest(acme, ticks=3)
    assert (slugs(new(acme)), verdicts(acme, commit)) == ([], dict.fromkeys(ENVIRONMENTS, "unchanged"))


def test_a_commit_that_is_wrong_for_one_environment_is_rejected_there_and_deployed_elsewhere(acme: World) -> None:
    before = read.environment(acme.doors.store, "insights", "live")
    wrong: dict[str, Content] = {SIZES: "shared:\n  warehouse: {params: {size_gbb: 400}}\n  lake: {type: bukket}\n"}
    commit = acme.push(wrong | changed(COLLECTOR, "limits", "limitz") | changed(STAGING, "2.3.1", "2.3.2"))
    rest(acme, ticks=3)
    assert slugs(new(acme)) == ["shop/staging succeeded", "shop/production succeeded"]
    assert verdicts(acme, commit) == {
        "insights/live": "rejected",
        "shop/development": "unchanged",
        "shop/production": "deployed",
        "shop/staging": "deployed",
    }
    found = read.environment(acme.doors.store, "insights", "live")
    assert (found.applied, found.live_commit) == (before.applied, before.live_commit)
    assert [problem.partition(" (for ")[0] for problem in found.problems] == [
        f"{COLLECTOR}:4:1: unknown key `limitz`; did you mean `limits`?",
        f"{SIZES}:2:24: module `postgres-warehouse` has no param `size_gbb`",
        f"{SIZES}:3:16: resource type `bukket` is unknown",
    ]


def test_a_success_of_staging_wakes_production_which_records_both_commits(acme: World) -> None:
    staged = acme.push(changed(STAGING, "2.3.1", "2.3.2"), message="Release the storefront")
    rest(acme, ticks=3)
    own = acme.push(changed("projects/shop/production/manifest.yaml", "size_gb: 200", "size_gb: 300"))
    rest(acme, ticks=3)
    assert slugs(new(acme)) == ["shop/staging succeeded", "shop/production succeeded", "shop/production succeeded"]
    staging, woken, changed_itself = new(acme)
    assert [(row.commit, row.source_commit) for row in new(acme)] == [(staged, None), (staged, staged), (own, staged)]
    assert woken.reason == f"environment://staging was deployed ({staging.id})"
    assert changed_itself.reason == f"commit {own[:10]} changes it"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[World]:
    """Two environments and one that is promoted; nothing happens there unless it is told to."""
    with world(tmp_path) as made:
        source = {"projects/shop/production/environment.yaml": "source: environment://staging\napproval: none\n"}
        made.deploy(project(development=sized(1), staging=sized(1)) | source)
        yield made


def test_a_commit_that_renames_one_resource_and_removes_another_opens_one_deployment(company: World) -> None:
    two = sized(1).replace("\n    outputs", "\n      old: {type: thing, params: {size: 7}}\n    outputs")
    company.deploy({DEVELOPMENT: two})
    before = len(company.deployments())
    company.deploy({DEVELOPMENT: sized(1, name="store")})
    for _ in range(3):
        company.poll()
        company.settle()
    assert len(company.deployments()) == before + 1


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_three_more_ticks_open_nothing(company: World, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(8):
        company.runner.script = chance.choice([Script(), Script(), Script(counts={}), *FAILURES])
        happens(company, chance)
        company.poll()
        company.settle()
        before = [(row.id, row.status) for row in company.deployments()]
        company.runner.script = Script()
        for _ in range(3):
            company.poll()
            company.settle()
        assert [(row.id, row.status) for row in company.deployments()] == before
    told = decided.commits(company.doors.store, REPOSITORY)
    assert all(len(commit.verdicts) == len(verdicts(company, commit.id)) for commit in told)


def happens(company: World, chance: random.Random) -> None:
    """One to three commits, any of those that people make: a change, a mistake, a way back, a merge, a force-push."""
    main = "refs/heads/main"
    for _ in range(chance.randint(1, 3)):
        tip = company.repo[company.repo.references[main].target]
        what = chance.choice(["change", "change", "rename", "mistake", "readme", "module", "back", "merge", "force"])
        size, path = chance.randint(1, 3), chance.choice([DEVELOPMENT, STAGED])
        match what:
            case "change":
                company.push({path: sized(size)})
            case "rename":
                company.push({path: sized(size, name=chance.choice(["db", "store"]))})
            case "mistake":
                company.push({path: sized("many")})
            case "readme":
                company.push({"README.md": f"{size}"})
            case "module":
                company.push({"platform/modules/thing/more.tf": f'output "more" {{ value = {size} }}\n'})
            case "merge":
                side = company.push({path: sized(size)}, branch="side", parents=[str(tip.id)])
                company.push({path: sized(size)}, message="Merge", parents=[str(tip.id), side])
            case _ if not tip.parents or len(list(company.repo.walk(tip.id))) < 4:
                company.push({path: sized(size)})
            case "back":
                company.push(taken_back(company, str(tip.parents[0].id)))
            case "force":
                company.repo.references.create(main, tip.parents[0].id, force=True)


def taken_back(company: World, commit: str) -> dict[str, Content]:
    """What stood in the files of environments at a commit."""
    tree = company.repo[commit].tree
    return {path: tree[path].data for path in (DEVELOPMENT, STAGED)}
