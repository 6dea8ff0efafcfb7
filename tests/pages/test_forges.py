"""What GitLab, Gitea, Forgejo and Bitbucket say, event by event, in the shape that each of them documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer

from controller.deployments.doors import Webhook
from controller.forge.webhook import Forge
from controller.history import deliveries
from controller.secrets.secret import Secret
from tests import webui_factories as make
from tests.webui_factories import World

KEY = "a secret of the forge"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOBODY = "0" * 40
NOTHING = "nothing can have moved"
ASKED = "https://git.example/shop.git is asked"

# (event as its header says, payload) -> what it comes to
GITLAB = {
    "push": (
        "Push Hook",
        {"object_kind": "push", "ref": "refs/heads/main", "checkout_sha": "1" * 40},
        "refs/heads/main",
    ),
    "deleted branch": (
        "Push Hook",
        {"object_kind": "push", "ref": "refs/heads/topic", "after": NOBODY, "checkout_sha": None, "commits": []},
        "refs/heads/topic",
    ),
    "more commits than it tells of": (
        "Push Hook",
        {"ref": "refs/heads/main", "commits": [{"id": f"{n:040x}"} for n in range(20)], "total_commits_count": 400},
        "refs/heads/main",
    ),
    "tag": ("Tag Push Hook", {"object_kind": "tag_push", "ref": "refs/tags/v1", "before": NOBODY}, "refs/tags/v1"),
    "request": ("Merge Request Hook", {"object_attributes": {"action": "open", "iid": 1, "source_project_id": 2}}, ""),
    "new head": ("Merge Request Hook", {"object_attributes": {"action": "update", "oldrev": "1" * 40}}, ""),
    "title": ("Merge Request Hook", {"object_attributes": {"action": "update"}, "changes": {"title": {}}}, ""),
    "merged": ("Merge Request Hook", {"object_attributes": {"action": "merge"}}, ""),
    "comment": ("Note Hook", {"object_attributes": {"noteable_type": "MergeRequest", "note": "lockstep allow"}}, None),
    "issue": ("Issue Hook", {"object_kind": "issue"}, None),
    "pipeline": ("Pipeline Hook", {"object_kind": "pipeline", "ref": "main"}, None),
    "of an administrator": ("System Hook", {"event_name": "push", "ref": "refs/heads/main"}, None),
}
GITEA = {
    "push": ("push", {"ref": "refs/heads/main", "before": "1" * 40, "total_commits": 30}, "refs/heads/main"),
    "deleted branch": ("delete", {"ref": "topic", "ref_type": "branch", "pusher_type": "user"}, "topic"),
    "created tag": ("create", {"ref": "v1", "ref_type": "tag", "sha": "1" * 40}, "v1"),
    "request": ("pull_request", {"action": "opened", "number": 7, "pull_request": {"head": {"repo": None}}}, ""),
    "new head": ("pull_request", {"action": "synchronized", "number": 7}, ""),
    "comment": ("issue_comment", {"action": "created", "is_pull": True}, None),
    "comment on a line": ("pull_request_comment", {"action": "reviewed"}, None),
    "approved": ("pull_request_approved", {"action": "reviewed"}, None),
    "release": ("release", {"action": "published"}, None),
}
CLOUD = {
    "push": (
        "repo:push",
        {"push": {"changes": [{"new": {"type": "branch", "name": "main"}, "old": {"name": "main"}, "forced": True}]}},
        "main",
    ),
    "deleted branch, new tag": (
        "repo:push",
        {"push": {"changes": [{"new": None, "old": {"name": "topic"}, "closed": True}, {"new": {"name": "v1"}}]}},
        "topic, v1",
    ),
    "request": ("pullrequest:created", {"pullrequest": {"source": {"branch": {"name": "topic"}}}}, ""),
    "new head": ("pullrequest:updated", {"pullrequest": {"id": 7}}, ""),
    "merged": ("pullrequest:fulfilled", {"pullrequest": {"id": 7}}, ""),
    "declined": ("pullrequest:rejected", {"pullrequest": {"id": 7}}, ""),
    "comment": ("pullrequest:comment_created", {"comment": {"content": {"raw": "x"}}}, None),
    "fork": ("repo:fork", {"fork": {}}, None),
}
CENTER = {
    "push": (
        "repo:refs_changed",
        {"changes": [{"ref": {"id": "refs/heads/main"}, "type": "UPDATE"}]},
        "refs/heads/main",
    ),
    "deleted tag": (
        "repo:refs_changed",
        {"changes": [{"ref": {"id": "refs/tags/v1"}, "toHash": NOBODY, "type": "DELETE"}]},
        "refs/tags/v1",
    ),
    "request": ("pr:opened", {"pullRequest": {"fromRef": {"id": "refs/heads/topic"}}}, ""),
    "new head": ("pr:from_ref_updated", {"previousFromHash": "1" * 40}, ""),
    "another base": ("pr:to_ref_updated", {"previousToHash": "1" * 40}, ""),
    "merged": ("pr:merged", {"pullRequest": {}}, ""),
    "declined": ("pr:declined", {"pullRequest": {}}, ""),
    "deleted": ("pr:deleted", {"pullRequest": {}}, ""),
    "comment": ("pr:comment:added", {"comment": {"text": "x"}}, None),
    "its test": ("diagnostics:ping", {"test": True}, None),
}


def digest(body: bytes) -> str:
    return hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()


def gitlab(_world: World, event: str, _body: bytes) -> dict[str, str]:
    return {
        "User-Agent": "GitLab/17.11.0",
        "X-Gitlab-Event": event,
        "X-Gitlab-Event-UUID": "of all that one act made",
        "X-Gitlab-Instance": "https://gitlab.example",
        "X-Gitlab-Token": KEY,
        "Idempotency-Key": "d-1",
    }


def signed_gitlab(world: World, event: str, body: bytes) -> dict[str, str]:
    """By an implementation that is not ours; the secret itself does not travel."""
    clear = {name: value for name, value in gitlab(world, event, body).items() if name != "X-Gitlab-Token"}
    at = str(int(world.now.timestamp()))
    signature = Signer(WHSEC).sign("d-1", world.now, body.decode())
    return {**clear, "webhook-id": "d-1", "webhook-timestamp": at, "webhook-signature": signature}


def gitea(_world: World, event: str, body: bytes) -> dict[str, str]:
    """As Gitea sends it: also in the words of Gogs and GitHub."""
    own = {f"X-{name}-Event": event for name in ("Gitea", "Gogs", "GitHub")}
    own |= {f"X-{name}-Event-Type": event for name in ("Gitea", "Gogs", "GitHub")}
    own |= {f"X-{name}-Delivery": "d-1" for name in ("Gitea", "Gogs", "GitHub")}
    own |= {f"X-{name}-Signature": digest(body) for name in ("Gitea", "Gogs")}
    return own | {"X-Hub-Signature-256": f"sha256={digest(body)}"}


def forgejo(world: World, event: str, body: bytes) -> dict[str, str]:
    own = {"X-Forgejo-Event": event, "X-Forgejo-Delivery": "d-1", "X-Forgejo-Signature": digest(body)}
    return gitea(world, event, body) | own


def cloud(_world: World, event: str, body: bytes) -> dict[str, str]:
    return {
        "User-Agent": "Bitbucket-Webhooks/2.0",
        "X-Event-Key": event,
        "X-Hook-UUID": "of the webhook",
        "X-Request-UUID": "d-1",
        "X-Attempt-Number": "2",
        "X-Hub-Signature": f"sha256={digest(body)}",
    }


def center(_world: World, event: str, body: bytes) -> dict[str, str]:
    return {"X-Event-Key": event, "X-Request-Id": "d-1", "X-Hub-Signature": f"sha256={digest(body)}"}


EVENTS: Mapping[str, tuple[Forge, str, Any, Mapping[str, tuple[str, Any, str | None]]]] = {
    "gitlab": (Forge.GITLAB, KEY, gitlab, GITLAB),
    "gitlab, signed": (Forge.GITLAB, WHSEC, signed_gitlab, GITLAB),
    "gitea": (Forge.GITEA, KEY, gitea, GITEA),
    "forgejo": (Forge.GITEA, KEY, forgejo, GITEA),
    "bitbucket cloud": (Forge.BITBUCKET, KEY, cloud, CLOUD),
    "bitbucket data center": (Forge.BITBUCKET, KEY, center, CENTER),
}


@pytest.mark.parametrize(
    ("by", "what"), [pytest.param(by, what, id=f"{by}: {what}") for by, given in EVENTS.items() for what in given[-1]]
)
def test_a_delivery_is_noted_and_the_repository_asked_where_a_ref_may_have_moved(
    world: World, by: str, what: str
) -> None:
    forge, secret, headers, events = EVENTS[by]
    event, payload, refs = events[what]
    make.watched(world, "shop")
    hook = Webhook(forge, lambda: [Secret(secret)])
    world.doors.connections["shop"] = replace(world.doors.connections["shop"], webhook=hook)  # type: ignore[index]
    body = json.dumps({**payload, "sender": "Zoë"}, ensure_ascii=False).encode()
    reply = world.client().post(
        "/hooks/shop", data=body, headers=headers(world, event, body), content_type="application/json"
    )
    said = NOTHING if refs is None else f"{ASKED} ({refs})" if refs else ASKED
    assert (reply.status_code, reply.get_data(as_text=True)) == (202, f"noted: {said}\n")
    assert deliveries.hinted(world.store) == ([] if refs is None else ["shop"])
    assert [(row.id, row.event, row.said) for row in deliveries.newest(world.store)] == [("d-1", event, said)]


@pytest.mark.parametrize("by", EVENTS)
def test_nothing_of_another_forge_is_believed(world: World, by: str) -> None:
    """Each is sent to a connection of every other forge: one that speaks in several tongues too."""
    own, _, headers, events = EVENTS[by]
    event, payload, _ = events["push"]
    body = json.dumps(payload).encode()
    make.watched(world, "shop")
    found = world.doors.connections["shop"]
    codes = {}
    for forge in Forge:
        secret = WHSEC if forge is Forge.GITLAB else KEY
        hook = Webhook(forge, lambda secret=secret: [Secret(secret)])
        world.doors.connections["shop"] = replace(found, webhook=hook)  # type: ignore[index]
        reply = world.client().post(
            "/hooks/shop", data=body, headers=headers(world, event, body), content_type="application/json"
        )
        codes[forge] = reply.status_code
    # Gitea and Forgejo sign for GitHub's readers as well, with the same secret: they are known by it.
    also = {Forge.GITHUB} if own is Forge.GITEA else set()
    also |= {own} if by != "gitlab" else set()
    assert {forge for forge, code in codes.items() if code in (200, 202)} == also
    assert {code for forge, code in codes.items() if forge not in also} == {401}
