"""What does a visitor see?"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from controller.git.mirror import Mirror
from controller.history.tables import RepositoryRow
from controller.model.deployment import Role, Status, VerdictKind
from tests import git_factories
from tests import webui_factories as make
from tests.webui_factories import World
from webui.pages import deployment_page, display

PAGES = ["/", "/history", "/commits", "/system", "/environments/shop/development"]


def test_the_list_shows_commit_author_age_and_result(shop: World):
    shop.later(minutes=5)
    seen = shop.visitor().see("/")
    assert "1 environment in 1 project: 1 in step with Git, 0 deployments at work or waiting." in seen
    short = make.commit_id("Add the shop")[:10]
    assert f"development development in step {short} Add the shop Ada Example, 5 min ago succeeded" in seen


def test_of_many_environments_the_first_are_shown_and_the_way_to_all(shop: World):
    of = make.commit("Change all")
    kinds = {f"shop/e{number:03}": VerdictKind.HELD for number in range(251)} | {"shop/e003": VerdictKind.UNCHANGED}
    found = [make.wants(shop, slug, of, opens=False, kind=kind) for slug, kind in kinds.items()]
    make.decided(shop, [of], found, before=make.commit_id("Add the shop"))
    visitor = shop.visitor()
    assert "and 240 more" in visitor.see("/commits")
    page = visitor.see(f"/commits/{of.id}")
    sentence = f"250 held, 1 unchanged. Here are the first 200; lockstep get commit {of.id[:10]} lists all."
    assert sentence in page
    assert page.count("why?") == 200


def test_of_many_environments_those_that_a_commit_does_not_change_are_counted(shop: World):
    of = make.commit("Say more")
    kinds = {f"shop/e{number:03}": VerdictKind.UNCHANGED for number in range(250)}
    held = {"shop/one": VerdictKind.HELD}
    found = [make.wants(shop, slug, of, opens=False, kind=kind) for slug, kind in (kinds | held).items()]
    make.decided(shop, [of], found, before=make.commit_id("Add the shop"))
    page = shop.visitor().see(f"/commits/{of.id}")
    commands = f"lockstep get commit {of.id[:10]} lists all."
    assert f"251 environments 1 held, 250 unchanged. Here is what it changes; {commands}" in page
    assert page.count("why?") == 1
    other = make.commit("Say no more")
    found = [
        make.wants(shop, slug, other, opens=False, kind=kind, version=make.version(shop, slug))
        for slug, kind in kinds.items()
    ]
    make.decided(shop, [other], found, before=of.id)
    page = shop.visitor("bea").see(f"/commits/{other.id}")
    commands = f"lockstep get commit {other.id[:10]} lists all."
    assert f"250 environments 250 unchanged. {commands} It changes nothing in any of them." in page


def test_an_empty_list_says_what_to_look_at(world: World):
    seen = world.visitor().see("/")
    assert "No environment is known yet. The first poll of a repository finds them: the system page says when" in seen


def test_a_rejected_commit_is_shown_with_every_problem(shop: World):
    of = make.commit("Break it")
    problems = ("a.yaml:1:2: unknown key `x`; did you mean `y`?", "a.yaml:3:4: <b>bold</b>; remove it")
    wrong = make.wants(
        shop,
        "shop/development",
        of,
        version=make.version(shop, "shop/development"),
        opens=False,
        kind=VerdictKind.REJECTED,
        problems=problems,
    )
    make.decided(shop, [of], [replace(wrong, tip=None, desired=None)], before=make.commit_id("Add the shop"))
    visitor = shop.visitor()
    assert "rejected a.yaml:1:2: unknown key `x`; did you mean `y`? and 1 more" in visitor.see("/")
    assert "rejected for this environment. What was live before goes on. " + " ".join(problems) in visitor.see(
        "/environments/shop/development"
    )
    assert "rejected why? – " + " ".join(problems) in visitor.see(f"/commits/{of.id}")
    assert "&lt;b&gt;bold" in visitor.client.get(f"/commits/{of.id}").get_data(as_text=True)


def test_a_hold_says_who_and_why_and_can_be_ended(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("update")))
    make.ended(shop, id)
    visitor = shop.visitor()
    assert "held pinned by grace: by hand" in visitor.see("/")
    assert "Pinned (shop/development) by grace just now: by hand Resume: follow Git again" in visitor.see(
        "/environments/shop/development"
    )


def test_a_viewer_is_not_offered_what_a_viewer_may_not_do(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("update")))
    make.record.begin_apply(shop.store, id, shop.now)
    visitor = shop.visitor("eve", Role.VIEWER)
    assert "Resume" not in visitor.see("/environments/shop/development")
    assert "Cancel" not in visitor.see(f"/deployments/{id}")


def test_a_deployment_shows_commit_plan_graph_and_manifest(shop: World):
    id = make.newest(shop)
    seen = shop.visitor().see(f"/deployments/{id}")
    assert f"Add the shop succeeded Deployment of shop/development, {id}" in seen
    assert "Author Ada Example" in seen
    assert "postgres.default#workloads.api.db + create terraform_data.this input, triggers_replace" in seen
    assert "Outputs that change: api (create). Their values are encrypted." in seen
    assert "workloads: api: resources: db: type: postgres" in seen
    assert f"lockstep logs {id} --key-file FILE" in seen


def test_a_plan_of_a_request_names_a_commit_that_has_no_page(shop: World):
    of = make.commit("Grow")
    made = make.new(shop, "shop/development", of, by="bot", mode=make.Mode.PLAN_ONLY, ref="refs/heads/grow")
    make.person.opened(shop.store, made, make.Act("bot", shop.now))
    visitor = shop.visitor()
    for path in ("/history", f"/deployments/{made.id}"):
        assert of.id[:10] in visitor.see(path)
        assert f"/commits/{of.id}" not in visitor.client.get(path).get_data(as_text=True)
    assert "Grow queued Plan of shop/development" in visitor.see(f"/deployments/{made.id}")


@pytest.mark.parametrize(
    ("status", "way"),
    [
        pytest.param(
            Status.FAILED, [("Queue", "done"), ("Plan", "bad"), ("Apply", ""), ("Failed", "bad")], id="failed"
        ),
        pytest.param(
            Status.CANCELLED, [("Queue", "done"), ("Plan", ""), ("Apply", ""), ("Cancelled", "wait")], id="cancelled"
        ),
    ],
)
def test_the_way_shows_how_far_it_came(shop: World, status: Status, way: list[tuple[str, str]]):
    id = make.by_person(shop, "shop/development", "grace")
    assert make.work.claim_queued(shop.store, "test", shop.now, make.timedelta(minutes=5)) == id
    make.ended(shop, id, status)
    row, details = make.read.deployment(shop.store, id), make.read.details(shop.store, id)
    assert [(step.word, step.state) for step in deployment_page.steps(row, details)] == way


def test_the_way_shows_where_an_apply_stands(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("update")))
    make.record.begin_apply(shop.store, id, shop.now)
    row, details = make.read.deployment(shop.store, id), make.read.details(shop.store, id)
    assert [(step.word, step.state) for step in deployment_page.steps(row, details)] == [
        ("Queue", "done"),
        ("Plan", "done"),
        ("Apply", "now"),
        ("Result", ""),
    ]


def test_a_page_stays_the_same_while_nothing_but_seconds_pass(shop: World):
    visitor = shop.visitor()
    first = visitor.client.get("/").headers["ETag"]
    shop.later(seconds=50)
    assert visitor.client.get("/").headers["ETag"] == first


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "just now"), (60, "1 min ago"), (7199, "1 h ago"), (86400, "1 d ago"), (-5, "just now")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, said: str):
    assert display.age(make.NOW - make.timedelta(seconds=seconds), make.NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (120, "2 min"), (7200, "2 h")]
)
def test_a_span_is_told_with_seconds_below_an_hour(seconds: int, said: str):
    assert display.length(make.timedelta(seconds=seconds)) == said


def test_an_error_shows_its_public_part_and_where_the_rest_is(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    found = {
        "severity": "error",
        "summary": "local-exec provisioner error",
        "module": "postgres.default#workloads.api.db",
        "file": "platform/modules/postgres/main.tf",
        "line": 31,
        "withheld": True,
    }
    make.planned(shop, id, make.summary(make.change("update")), [found])
    make.ended(shop, id, Status.FAILED, "apply failed: local-exec provisioner error")
    seen = shop.visitor().see(f"/deployments/{id}")
    assert "Manifest by grace failed" in seen
    assert "apply failed: local-exec provisioner error" in seen
    assert (
        "Error: local-exec provisioner error postgres.default#workloads.api.db, platform/modules/postgres/main.tf:31 "
        "The log says more; it may quote values, so it is encrypted: see below how to read it." in seen
    )
    assert f"Whoever started the deployment was given the key to it: lockstep logs {id} --key AGE-SECRET-KEY-1…" in seen


def test_a_plan_that_waits_can_be_approved_or_discarded(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("delete")))
    make.record.awaits_approval(shop.store, id, "it destroys 1", shop.now)
    seen = shop.visitor().see(f"/deployments/{id}")
    assert "it destroys 1 Approve this plan Discard" in seen
    assert "− delete" in seen


def test_the_history_is_filtered_by_its_address(shop: World):
    visitor = shop.visitor()
    assert "No deployment fits." in visitor.see("/history?status=failed")
    assert "Add the shop Ada Example" in visitor.see("/history?project=shop&environment=development&status=succeeded")
    assert "Add the shop Ada Example" in visitor.see(f"/history?commit={make.commit_id('Add the shop')[:8]}")


def test_older_deployments_are_a_page_further(world: World):
    of = make.commit("Add the shop")
    make.decided(world, [of], [make.wants(world, f"shop/e{number:02}", of) for number in range(60)])
    visitor = world.visitor()
    first = visitor.client.get("/history?project=shop").get_data(as_text=True)
    older = re.search(r'href="(/history\?project=shop&amp;before=[^"]+)">Older', first)
    assert older is not None
    second = visitor.see(older[1].replace("&amp;", "&"))
    assert "shop/e09" in second
    assert "shop/e10" not in second
    assert "Older" not in second


def test_a_long_list_of_environments_goes_on(world: World):
    of = make.commit("Add the shop")
    make.decided(world, [of], [make.wants(world, f"shop/e{number:03}", of) for number in range(101)])
    visitor = world.visitor()
    assert 'href="/?after=shop/e099">Next environments' in visitor.client.get("/").get_data(as_text=True)
    assert "shop 1 Environment State Live commit Last deployment Queue e100 development queued" in visitor.see(
        "/?after=shop/e099"
    )


def test_a_plan_of_a_request_is_not_in_the_line(shop: World):
    make.by_person(shop, "shop/development", "bot", mode=make.Mode.PLAN_ONLY)
    seen = shop.visitor().see("/")
    assert "development development in step" in seen
    assert "succeeded 054d86df just now, by git empty" in seen


def test_the_graph_is_an_image_of_its_own(shop: World):
    visitor = shop.visitor()
    id = make.newest(shop)
    assert f'<img src="/deployments/{id}/graph.svg"' in visitor.client.get(f"/deployments/{id}").get_data(as_text=True)
    reply = visitor.client.get(f"/deployments/{id}/graph.svg")
    assert reply.mimetype == "image/svg+xml"
    assert reply.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_no_page_has_inline_script_or_style(shop: World, path: str):
    page = shop.visitor().client.get(path)
    text = page.get_data(as_text=True)
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)
    assert not re.search(r'(?:src|href|action)="(?!/|#)', text)
    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_has_not_changed_is_not_sent_again(shop: World, path: str):
    client = shop.visitor().client
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")


def test_an_unknown_page_is_told_in_words(shop: World):
    reply = shop.visitor().client.get("/deployments/00000000-0000")
    assert reply.status_code == 404
    assert "deployment `00000000-0000` is unknown; look at `lockstep get deployments`" in make.words(reply)


def test_the_system_page_says_how_large_a_mirror_is(world: World, tmp_path: Path):
    visitor = world.visitor()
    origin = git_factories.repository(tmp_path / "origin.git")
    mirror = Mirror(tmp_path / "mirror.git", origin.path)
    make.watched(world, "shop", mirror)
    git_factories.commit(origin, {"a": "1"})
    mirror.fetch()
    assert "mirror: 1 pack, 0.0 MiB, not repacked yet" in visitor.see("/system")
    git_factories.commit(origin, {"b": Random(1).randbytes(2**20)})
    mirror.fetch()
    assert "mirror: 2 packs, 1.0 MiB, not repacked yet" in visitor.see("/system")
    mirror.repack(world.now)
    assert "mirror: 1 pack, 1.0 MiB, repacked just now" in visitor.see("/system")


def test_the_system_page_says_how_polls_went(shop: World):
    make.watching.polled(
        shop.store, "shop", shop.now, error="https://git.example/shop.git: no answer; it is tried again"
    )
    seen = shop.visitor().see("/system")
    assert "Engine: tofu 1.10.2; `tofu` at /usr/bin/tofu is the first that fits." in seen
    assert "failed https://git.example/shop.git: no answer; it is tried again" in seen


def test_what_is_wrong_with_a_commit_and_is_of_no_environment_is_for_those_who_see_all(shop: World):
    problem = "projects/shop/Development:1:1: no valid environment id; use lower-case letters"
    with shop.store.writing() as session:
        session.get_one(RepositoryRow, "shop").problems = [problem]
    assert problem in shop.visitor().see("/system")
    some, every = shop.api("bea", projects=["billing"]), shop.api("bot")
    told = [api.get("/repositories").json["items"][0]["problems"] for api in (every, some)]
    assert told == [[problem], []]


def test_the_audit_trail_is_for_admins(shop: World):
    assert "Audit trail" in shop.visitor("alice", Role.ADMIN).see("/system")
    assert "Audit trail" not in shop.visitor("eve", Role.DEPLOYER).see("/system")


def test_the_audit_trail_says_what_was_changed_and_from_where(shop: World):
    shop.api("bea").post("/tokens", {"name": "ci", "role": "viewer"})
    seen = shop.visitor("alice", Role.ADMIN).see("/system")
    assert "bea token.create ci role: none → viewer – 127.0.0.1, a test" in seen


def test_another_engine_than_opentofu_says_that_state_is_not_encrypted(shop: World):
    engine = make.Engine(make.EngineKind.TERRAFORM, "terraform", ("terraform",), "1.11.4", "it is there")
    shop.doors = replace(shop.doors, engine=engine)
    assert "With terraform local state is not encrypted: whoever can read the controller's data" in shop.visitor().see(
        "/system"
    )


def test_health_and_readiness_need_no_token(world: World):
    client = world.client()
    assert client.get("/healthz").get_data() == b"ok\n"
    assert client.get("/readyz").get_data() == b"ok\n"
