"""What GitHub sends, as it publishes it, signed by its own implementation: each comes to what it should."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from controller.deployments.doors import Webhook
from controller.forge.webhook import Forge
from controller.history import deliveries
from controller.secrets.secret import Secret
from tests import webui_factories as make
from tests.octokit import Octokit
from tests.webui_factories import World

pytestmark = pytest.mark.npm

KEY = "ein Schlüssel"
NOBODY = "0" * 40
NOTHING = "nothing can have moved"
ASKED = "https://git.example/shop.git is asked"
MAIN, TAG, TOPIC = "refs/heads/master", "refs/tags/simple-tag", "refs/heads/topic"
# After these the repository is asked; after all others nothing happens.
MOVED = {
    ("create", ""): {f"{ASKED} (simple-tag)"},
    ("delete", ""): {f"{ASKED} (simple-tag)"},
    ("push", ""): {f"{ASKED} ({MAIN})", f"{ASKED} ({TAG})"},
    **{
        ("pull_request", action): {ASKED}
        for action in (
            *("assigned", "closed", "converted_to_draft", "labeled", "locked", "opened", "ready_for_review"),
            *("reopened", "review_request_removed", "review_requested", "synchronize", "unassigned", "unlabeled"),
            "unlocked",
        )
    },
}
IGNORED = """
    branch_protection_rule check_run check_suite code_scanning_alert commit_comment dependabot_alert deploy_key
    deployment deployment_review deployment_status discussion discussion_comment fork github_app_authorization gollum
    installation installation_repositories issue_comment issues label marketplace_purchase member membership merge_group
    meta milestone org_block organization package page_build ping project project_card project_column projects_v2_item
    public pull_request_review pull_request_review_comment pull_request_review_thread release repository
    repository_dispatch repository_import repository_vulnerability_alert security_advisory sponsorship star status team
    team_add watch workflow_dispatch workflow_job workflow_run
"""


@dataclass(frozen=True)
class Sent:
    event: str
    payload: Mapping[str, Any]

    @property
    def body(self) -> str:
        return json.dumps(self.payload, ensure_ascii=False)


@pytest.fixture
def shop(world: World) -> World:
    make.watched(world, "shop")
    found = world.doors.connections["shop"]
    hook = Webhook(Forge.GITHUB, lambda: [Secret(KEY)])
    world.doors.connections["shop"] = replace(found, webhook=hook)  # type: ignore[index]
    return world


def answers(world: World, octokit: Octokit, sent: list[Sent], secret: str = KEY) -> Iterator[tuple[int, str]]:
    """Deliver each once, in this order: the status, and what it came to."""
    client = world.client()
    signatures = octokit.sign(secret, [one.body for one in sent])
    for n, (one, signature) in enumerate(zip(sent, signatures, strict=True)):
        headers = {"X-GitHub-Event": one.event, "X-GitHub-Delivery": f"d-{n}", "X-Hub-Signature-256": signature}
        body = one.body.encode()
        reply = client.post("/hooks/shop", data=body, headers=headers, content_type="application/json")
        said = reply.json["detail"] if reply.is_json else reply.get_data(as_text=True)
        yield reply.status_code, said.removeprefix("noted: ").rstrip("\n")


def every_example(octokit: Octokit) -> list[Sent]:
    return [Sent(event, payload) for event, payloads in octokit.examples.items() for payload in payloads]


def test_everything_that_github_shows_is_accepted_and_comes_to_what_it_should(shop: World, octokit: Octokit) -> None:
    sent = every_example(octokit)
    came_to: dict[tuple[str, str], set[str]] = {}
    for one, (status, said) in zip(sent, answers(shop, octokit, sent), strict=True):
        assert status == 202, (one.event, said)
        came_to.setdefault((one.event, one.payload.get("action", "")), set()).add(said)
    moved = {key: said for key, said in came_to.items() if said != {NOTHING}}
    assert moved == MOVED
    assert {event for event, _ in came_to} - {event for event, _ in moved} == set(IGNORED.split())
    assert len(deliveries.newest(shop.store, limit=1000)) == len(sent) > 300


def test_what_is_ignored_asks_nobody(shop: World, octokit: Octokit) -> None:
    sent = [Sent(event, octokit.examples[event][0]) for event in IGNORED.split()]
    assert set(answers(shop, octokit, sent)) == {(202, NOTHING)}
    assert deliveries.hinted(shop.store) == []


def test_what_is_signed_for_another_connection_is_refused(shop: World, octokit: Octokit) -> None:
    sent = [Sent("push", payload) for payload in octokit.examples["push"]]
    said = (
        "`X-Hub-Signature-256` is not what this body and the secret give; set the same secret in the forge and in the "
        "settings"
    )
    assert set(answers(shop, octokit, sent, "a secret of somebody else")) == {(401, said)}
    assert deliveries.hinted(shop.store) == []


def edited(payload: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Another payload with these parts in place of its own; `a__b` is part `b` of `a`."""
    made: dict[str, Any] = copy.deepcopy(dict(payload))
    for path, value in changes.items():
        *folders, name = path.split("__")
        found = made
        for folder in folders:
            found = found[folder]
        found[name] = value
    return made


def forced(octokit: Octokit) -> Sent:
    changes = {"forced": True, "created": False, "before": "1" * 40, "after": "2" * 40}
    return Sent("push", edited(branch(octokit), **changes, head_commit__id="2" * 40))


def example(octokit: Octokit, event: str, **has: str) -> dict[str, Any]:
    """One that is as GitHub sends it today: some are older than the schema."""
    fitting = (payload for payload in octokit.examples[event] if has.items() <= payload.items())
    return next(payload for payload in fitting if not octokit.faults(event, payload))


def branch(octokit: Octokit) -> dict[str, Any]:
    return example(octokit, "push", ref=MAIN)


def of_several_commits(octokit: Octokit) -> Sent:
    one = branch(octokit)["head_commit"]
    commits = [{**one, "id": f"{n:040x}", "message": f"Ändere dies\n\n{n} \U0001f680"} for n in range(1, 4)]
    made = edited(branch(octokit), created=False, before="f" * 40, after=commits[-1]["id"], commits=commits)
    return Sent("push", {**made, "head_commit": commits[-1]})


def of_a_deleted_ref(octokit: Octokit, ref: str) -> Sent:
    changes = {"ref": ref, "before": "1" * 40, "after": NOBODY, "created": False, "deleted": True}
    return Sent("push", edited(branch(octokit), **changes, commits=[], head_commit=None))


def from_a_fork(octokit: Octokit, action: str) -> Sent:
    found = example(octokit, "pull_request", action=action)
    repo = found["pull_request"]["head"]["repo"]
    fork = {**repo, "id": 4711, "fork": True, "full_name": "mallory/Hello-World"}
    fork["owner"] = {**repo["owner"], "login": "mallory"}
    return Sent("pull_request", edited(found, pull_request__head__repo=fork, pull_request__head__label="mallory:x"))


def of_a_fork_that_is_gone(octokit: Octokit) -> Sent:
    one = from_a_fork(octokit, "closed")
    return Sent("pull_request", edited(one.payload, pull_request__head__repo=None))


def onto_another_base(octokit: Octokit) -> Sent:
    opened = example(octokit, "pull_request", action="opened")
    base = {"ref": {"from": "develop"}, "sha": {"from": "1" * 40}}
    return Sent("pull_request", edited(opened, action="edited", changes={"base": base}))


def comment_on_a_request(octokit: Octokit) -> Sent:
    found = example(octokit, "issue_comment", action="created")
    url = "https://api.github.com/repos/Codertocat/Hello-World/pulls/1"
    of = {"url": url, "html_url": url, "diff_url": f"{url}.diff", "patch_url": f"{url}.patch"}
    return Sent("issue_comment", edited(found, issue__pull_request=of))


DERIVED = {
    "forced push": (forced, f"{ASKED} ({MAIN})"),
    "several commits": (of_several_commits, f"{ASKED} ({MAIN})"),
    "deleted branch, as a push": (lambda octokit: of_a_deleted_ref(octokit, TOPIC), f"{ASKED} ({TOPIC})"),
    "deleted tag, as a push": (lambda octokit: of_a_deleted_ref(octokit, TAG), f"{ASKED} ({TAG})"),
    "created branch": (
        lambda octokit: Sent("create", edited(example(octokit, "create"), ref="topic", ref_type="branch")),
        f"{ASKED} (topic)",
    ),
    "deleted branch": (
        lambda octokit: Sent("delete", edited(example(octokit, "delete"), ref="topic", ref_type="branch")),
        f"{ASKED} (topic)",
    ),
    "opened from a fork": (lambda octokit: from_a_fork(octokit, "opened"), ASKED),
    "pushed to a fork": (lambda octokit: from_a_fork(octokit, "synchronize"), ASKED),
    "closed, the fork is gone": (of_a_fork_that_is_gone, ASKED),
    "another base": (onto_another_base, ASKED),
    "comment on a request": (comment_on_a_request, NOTHING),
}


def test_what_github_shows_no_example_of_comes_to_what_it_should(shop: World, octokit: Octokit) -> None:
    sent = {name: derive(octokit) for name, (derive, _) in DERIVED.items()}
    assert {name: octokit.faults(one.event, one.payload) for name, one in sent.items()} == {name: [] for name in sent}
    found = dict(zip(sent, answers(shop, octokit, list(sent.values())), strict=True))
    assert found == {name: (202, said) for name, (_, said) in DERIVED.items()}


def test_the_schema_would_find_what_github_does_not_send(octokit: Octokit) -> None:
    assert octokit.faults("push", edited(branch(octokit), forced="yes")) == ["$.forced: 'yes' is not of type 'boolean'"]
