"""What the history tells: values, newest first, with near names where something is unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.errors import ConflictError, NotFoundError
from controller.history import access, audit, decided, person, read
from controller.history.audit import Act
from controller.history.opening import Part
from controller.history.person import NewRequest
from controller.history.store import Store
from controller.model.deployment import Mode, Rank, Role, Status, VerdictKind
from controller.model.record import ResourceRow
from controller.model.ruling import Ruling
from tests.history_factories import (
    REPOSITORY,
    act,
    after,
    carried,
    commit,
    decided_on,
    deployment,
    environment,
    opened_environment,
    watched,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with watched(tmp_path) as opened:
        yield opened


def many(store: Store, count: int) -> list[str]:
    """Deployments of one environment, newest first."""
    uuid, first = opened_environment(store)
    ids = [first]
    for n in range(1, count):
        ids.append(person.opened(store, deployment(uuid, f"d{n}", rank=Rank.PERSON), act()).id)
    return ids[::-1]


def test_pages_of_deployments_follow_each_other_without_a_gap(store: Store) -> None:
    ids = many(store, 7)
    pages, before = [], None
    while page := read.deployments(store, before=before, limit=3):
        pages.append([row.id for row in page])
        before = page[-1].id
    assert pages == [ids[:3], ids[3:6], ids[6:]]


def test_deployments_are_found_by_what_they_are_of(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    other = deployment("u2", environment="staging", commit=commit(2))
    person.opened(store, other, act())
    assert [row.id for row in read.deployments(store, environment="staging")] == [other.id]
    assert [row.id for row in read.deployments(store, commit=commit(1).id)] == [first]
    assert [row.id for row in read.deployments(store, status=Status.SUCCEEDED)] == [first]
    assert read.deployments(store, project="blog") == []
    assert read.deployments(store, repository=REPOSITORY)[0].environment_uuid != uuid


def test_a_deployment_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    (id,) = many(store, 1)
    assert read.deployment(store, id[:8]).id == id
    with pytest.raises(NotFoundError) as e:
        read.deployment(store, id[:6])
    assert str(e.value) == f"deployment `{id[:6]}` is unknown; look at `lockstep get deployments`"


def test_a_beginning_that_two_share_is_refused(store: Store) -> None:
    for n in (1, 2):
        person.opened(store, deployment("u", id=f"abcdef0-{n}"), act())
    with pytest.raises(ConflictError) as e:
        read.deployment(store, "abcdef0")
    assert str(e.value) == "deployment `abcdef0` is not the beginning of one id alone; give more of it"
    assert read.deployment(store, "abcdef0-1").id == "abcdef0-1"


def test_a_commit_is_found_by_seven_digits(store: Store) -> None:
    opened_environment(store)
    assert decided.commit(store, commit(1).id[:7]).id == commit(1).id
    with pytest.raises(NotFoundError) as e:
        decided.commit(store, "000100")
    assert str(e.value) == "commit `000100` cannot be looked up; give 7 digits of its id at least"


def test_unknown_names_come_with_a_near_one(store: Store) -> None:
    opened_environment(store)
    with pytest.raises(NotFoundError) as e:
        read.environment(store, "shop", "devlopment")
    assert str(e.value) == "project `shop` has no environment `devlopment`; did you mean `development`?"
    with pytest.raises(NotFoundError) as e:
        read.environments(store, "shopp")
    assert str(e.value) == "project `shopp` is unknown; did you mean `shop`?"
    with pytest.raises(NotFoundError) as e:
        read.environment(store, "blog", "x")
    assert str(e.value) == "project `blog` is unknown; there is shop"
    with pytest.raises(NotFoundError) as e:
        read.catalogue(store, "acmee")
    assert str(e.value) == "repository `acmee` is unknown; did you mean `acme`?"


def test_commits_are_told_in_the_order_of_the_walk_with_their_verdicts(store: Store) -> None:
    opened_environment(store)
    decided_on(store, [], at=2)
    found = decided.commits(store, REPOSITORY)
    assert [row.id for row in found] == [commit(2).id, commit(1).id]
    assert [len(row.verdicts) for row in found] == [0, 1]
    assert [row.id for row in decided.commits(store, REPOSITORY, before=commit(2).id)] == [commit(1).id]


def test_of_a_commit_in_a_list_the_first_that_are_not_unchanged_are_named_and_all_are_counted(store: Store) -> None:
    held = [Ruling(commit(1).id, VerdictKind.HELD, "d1", changed=True)]
    for name in ("d", "a", "c"):
        environment(store, name, at=1, told=held)
    environment(store, "b", at=1, told=[Ruling(commit(1).id, VerdictKind.UNCHANGED, "d1")])
    environment(store, "a", at=1, project="blog", told=held)
    (found,) = decided.commits(store, REPOSITORY, most=2, projects=("shop",))
    assert [(one.project, one.environment) for one in found.verdicts] == [("shop", "a"), ("shop", "c")]
    assert found.counts == {VerdictKind.HELD: 3, VerdictKind.UNCHANGED: 1}
    whole = decided.commit(store, commit(1).id)
    assert [one.environment for one in whole.verdicts] == ["a", "a", "b", "c", "d"]
    assert whole.counts == {VerdictKind.HELD: 4, VerdictKind.UNCHANGED: 1}
    assert decided.described(store, commit(1).id) == replace(whole, verdicts=(), counts={})
    assert decided.verdict(store, REPOSITORY, commit(1).id, "shop", "c") == whole.verdicts[3]
    assert decided.verdict(store, REPOSITORY, commit(1).id, "shop", "x") is None


def test_times_come_back_aware_and_in_utc(store: Store) -> None:
    opened_environment(store)
    found = decided.commit(store, commit(1).id)
    assert (found.committed_at, found.committed_at.tzname()) == (after(60), "UTC")


def test_sealed_parts_are_not_among_the_public_ones(store: Store) -> None:
    parts = {"manifest": Part.public(b'{"a": 1}'), "summary": Part.closed(b"secret")}
    new = deployment("u", parts=parts)
    person.opened(store, new, act())
    found = read.details(store, new.id)
    assert (found.manifest, found.summary) == ({"a": 1}, None)


def test_resources_are_those_of_the_last_success_with_their_metadata(store: Store) -> None:
    document = {
        "format": 1,
        "engine": "terraform",
        "modules": {"pg": {"kind": "inline", "content": "c", "code": ""}},
        "nodes": {
            "postgres.default#db": {"module": "pg"},
            "workload.default#api": {"edges": {"db": "postgres.default#db"}},
        },
        "providers": {},
        "pins": {"providers": {}},
    }
    parts = {
        "desired": Part.public(json.dumps(document).encode()),
        "metadata": Part.public(b'{"postgres.default#db": {"url": "https://db"}}'),
    }
    _, first = opened_environment(store, parts=parts)
    assert read.resources(store, "shop", "development") == []
    carried(store, first)
    assert read.resources(store, "shop", "development") == [
        ResourceRow("postgres.default#db", "pg", {"url": "https://db"}, first),
        ResourceRow("workload.default#api", None, None, first),
    ]


def test_a_token_is_good_until_it_is_revoked_or_expires(store: Store) -> None:
    assert not access.has_tokens(store)
    made = access.create_token(
        store,
        name="ci",
        secret_hash="h",
        role=Role.DEPLOYER,
        projects=["shop"],
        act=Act("ann", after(0)),
        expires_at=after(50),
    )
    assert access.token(store, "h") == made
    assert access.token(store, "g") is None
    assert (access.token(store, "h", after(49)), access.token(store, "h", after(50))) == (made, None)
    access.revoke_token(store, "ci", Act("ann", after(10)))
    assert access.token(store, "h", after(11)) is None
    assert [(row.name, row.revoked_at) for row in access.tokens(store)] == [("ci", after(10))]
    with pytest.raises(ConflictError) as e:
        access.create_token(
            store, name="ci", secret_hash="i", role=Role.VIEWER, projects=None, act=Act("ann", after(20))
        )
    assert str(e.value) == "there is, or was, a token named `ci`; choose another name"
    with pytest.raises(NotFoundError) as e:
        access.revoke_token(store, "cii", Act("ann", after(20)))
    assert str(e.value) == "token `cii` is unknown; did you mean `ci`?"


def test_a_request_with_a_key_is_carried_out_once(store: Store) -> None:
    assert access.begin_request(store, "ann", "k", "digest", after(0)) is None
    first = access.begin_request(store, "ann", "k", "digest", after(1))
    assert first is not None
    assert (first.request_digest, first.status) == ("digest", None)
    assert access.begin_request(store, "bob", "k", "digest", after(1)) is None
    access.finish_request(store, "ann", "k", 201, b"{}")
    again = access.begin_request(store, "ann", "k", "digest", after(2))
    assert again is not None
    assert (again.status, again.response) == (201, b"{}")
    access.forget_request(store, "bob", "k")
    assert access.begin_request(store, "bob", "k", "other", after(2)) is None
    assert access.begin_request(store, "ann", "k", "digest", after(86_402)) is None


def test_the_audit_trail_is_read_page_by_page(store: Store) -> None:
    for n in range(5):
        audit.note(store, Act("ann", after(n)), "refresh", f"repository {n}")
    first = read.audit(store, limit=3)
    assert [line.subject for line in first] == ["repository 4", "repository 3", "repository 2"]
    assert [line.subject for line in read.audit(store, before=first[-1].number)] == ["repository 1", "repository 0"]


def test_a_planned_ref_keeps_what_was_found(store: Store) -> None:
    findings = {
        "conflicts": [],
        "problems": {"shop/staging": ["a.yaml:1:1: wrong; mend it"]},
        "unchanged": ["shop/production"],
        "differences": {},
    }
    new = NewRequest("r1", REPOSITORY, "refs/heads/feature", "h" * 40, "b" * 40, "main", findings)
    plan = deployment("u", mode=Mode.PLAN_ONLY, rank=Rank.PERSON, request="r1", ref="refs/heads/feature")
    person.requested(store, new, [plan], act())
    found = read.request(store, "r1")
    assert (found.deployments, found.problems) == ((plan.id,), {"shop/staging": ("a.yaml:1:1: wrong; mend it",)})
    assert [row.id for row in read.deployments(store, request="r1")] == [plan.id]
    with pytest.raises(NotFoundError) as e:
        read.request(store, "r2")
    assert str(e.value) == "request `r2` is unknown; plan a ref with `lockstep plan --ref REF`"
