"""Which act does which status allow? One table: what becomes of the deployment, or the sentence that refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from controller.deployments import actions
from controller.errors import ConflictError
from controller.history import read
from controller.model.deployment import OPEN, Status
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Phase
from tests.deploy_factories import Script, World, project, sized, world

MANIFEST = "projects/shop/development/app.manifest.yaml"
SETTINGS = "projects/shop/development/environment.yaml"
ENDED = "deployment {id} has ended, it is {status}; there is nothing left to change"
UNDECIDED = "deployment {id} is {status}; only one that is awaiting_approval can be decided on"
AT_WORK = "deployment {id} is {status}; wait for its end, or cancel it first"
NOTHING_TO_TRY = "deployment {id} is {status}; there is nothing to try again"
NO_TARGET = "deployment {id} ({mode}) is {status}; roll back to one that succeeded"
S = Status

# Of each act: what a status says to it. A status: that of the deployment afterwards. A text: why it is refused.
TABLE: dict[str, dict[Status, Status | str]] = {
    "approve": {
        S.QUEUED: UNDECIDED,
        S.PLANNING: UNDECIDED,
        S.AWAITING_APPROVAL: S.AWAITING_APPROVAL,  # whoever carries it begins the apply
        S.APPLYING: UNDECIDED,
        S.INTERRUPTED: UNDECIDED,
        **dict.fromkeys(set(Status) - OPEN, ENDED),
    },
    "discard": {
        S.QUEUED: UNDECIDED,
        S.PLANNING: UNDECIDED,
        S.AWAITING_APPROVAL: S.DISCARDED,
        S.APPLYING: UNDECIDED,
        S.INTERRUPTED: UNDECIDED,
        **dict.fromkeys(set(Status) - OPEN, ENDED),
    },
    "cancel": {
        S.QUEUED: S.CANCELLED,
        S.PLANNING: S.PLANNING,  # until its engine has stopped
        S.AWAITING_APPROVAL: S.CANCELLED,
        S.APPLYING: S.APPLYING,
        S.INTERRUPTED: S.INTERRUPTED,
        **dict.fromkeys(set(Status) - OPEN, ENDED),
    },
    "retry": {
        **dict.fromkeys(OPEN, AT_WORK),
        S.SUCCEEDED: NOTHING_TO_TRY,
        S.SUPERSEDED: NOTHING_TO_TRY,
        S.PLANNED: "deployment {id} only plans; plan it again instead",
        S.FAILED: S.FAILED,
        S.REJECTED: S.REJECTED,
        S.CANCELLED: S.CANCELLED,
        S.DISCARDED: S.DISCARDED,
    },
    "rollback": {**dict.fromkeys(Status, NO_TARGET), S.SUCCEEDED: S.SUCCEEDED},
    "destroy": {
        S.QUEUED: S.SUPERSEDED,
        S.PLANNING: S.SUPERSEDED,
        S.AWAITING_APPROVAL: S.SUPERSEDED,
        S.APPLYING: S.APPLYING,  # which it waits for
        S.INTERRUPTED: S.INTERRUPTED,
        **{status: status for status in set(Status) - OPEN},
    },
}
OPENS = ("retry", "rollback", "destroy")


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """Environment shop/development has been deployed once."""
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1)) | {SETTINGS: "protected: [thing]\n"})
        yield made


def second(acme: World, script: Script, settle: bool = True) -> str:
    acme.runner.script = script
    acme.push({MANIFEST: sized(2)})
    acme.poll()
    id = acme.last("development").id
    if settle:
        acme.settle()
    return id


def ended(acme: World, act: Callable[..., Deployment], script: Script) -> str:
    id = second(acme, script, settle=bool(script.counts.get("replace")))
    act(acme.doors, "ann", id)
    acme.settle()
    return id


def interrupted(acme: World) -> str:
    id = second(acme, Script(dies_in=Phase.APPLY), settle=False)
    acme.claim()
    while acme.last("development").status is not Status.INTERRUPTED:
        acme.step(id)
    return id


def superseded(acme: World) -> str:
    id = second(acme, Script(), settle=False)
    acme.deploy({MANIFEST: sized(3)})
    return id


def planned(acme: World) -> str:
    row = actions.deploy_manifest(acme.doors, "ann", "shop", "development", {}, plan_only=True)
    assert isinstance(row, Deployment)
    acme.settle()
    return row.id


ASKS = Script(counts={"replace": 1})
REFUSED = Script(changes=({"action": "delete", "address": "a.b", "module": "thing.default#x"},))
WAYS: dict[Status, Callable[[World], str]] = {
    S.QUEUED: lambda acme: second(acme, Script(), settle=False),
    S.PLANNING: lambda acme: second(acme, Script(hangs_in=Phase.PLAN)),
    S.AWAITING_APPROVAL: lambda acme: second(acme, ASKS),
    S.APPLYING: lambda acme: second(acme, Script(hangs_in=Phase.APPLY)),
    S.INTERRUPTED: interrupted,
    S.SUCCEEDED: lambda acme: second(acme, Script()),
    S.FAILED: lambda acme: second(acme, Script(plan=Ended.FAILED, message="no")),
    S.PLANNED: planned,
    S.REJECTED: lambda acme: second(acme, REFUSED),
    S.SUPERSEDED: superseded,
    S.CANCELLED: lambda acme: ended(acme, actions.cancel, Script()),
    S.DISCARDED: lambda acme: ended(acme, actions.discard, ASKS),
}


def acted(acme: World, act: str, id: str) -> Deployment | None:
    match act:
        case "rollback":
            return actions.rollback(acme.doors, "bob", "shop", "development", id)
        case "destroy":
            return actions.destroy(acme.doors, "bob", "shop", "development")
    acts: dict[str, Callable[..., Deployment]] = {
        "approve": actions.approve,
        "discard": actions.discard,
        "cancel": actions.cancel,
        "retry": actions.retry,
    }
    return acts[act](acme.doors, "bob", id)


@pytest.mark.parametrize(("act", "status"), list(product(TABLE, Status)))
def test_each_status_allows_an_act_or_says_why_not(acme: World, act: str, status: Status) -> None:
    id = WAYS[status](acme)
    row = read.deployment(acme.doors.store, id)
    assert row.status is status
    expected = TABLE[act][status]
    if not isinstance(expected, Status):
        with pytest.raises(ConflictError) as e:
            acted(acme, act, id)
        assert str(e.value) == expected.format(id=id, status=status, mode=row.mode)
        assert read.deployment(acme.doors.store, id) == row
        return
    found = acted(acme, act, id)
    assert read.deployment(acme.doors.store, id).status is expected
    assert found is not None
    assert (found.id != id, found.status) == ((True, Status.QUEUED) if act in OPENS else (False, expected))
