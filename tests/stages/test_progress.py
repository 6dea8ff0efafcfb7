"""What is said of an apply is what was heard of it: nothing is called done that may not be, nor untouched."""

from __future__ import annotations

from typing import Any

import pytest

from controller.model.deployment import Status
from controller.tofu import progress
from controller.tofu.progress import Outcome

APPLY = {"type": "phase_started", "phase": "apply"}
STEP = {"type": "step_started", "step": "apply"}
RECOVER = {"type": "phase_started", "phase": "recover"}


def change(address: str, action: str = "create", node: str | None = "thing.default#a", **more: str) -> dict[str, Any]:
    return {"address": address, "module": node, "action": action, "attributes": [], **more}


def start(address: str, action: str = "create") -> dict[str, Any]:
    return {"type": "apply_start", "address": address, "action": action}


def complete(address: str, action: str = "create") -> dict[str, Any]:
    return {"type": "apply_complete", "address": address, "action": action, "seconds": 0}


def errored(address: str, action: str = "create") -> dict[str, Any]:
    return {"type": "apply_errored", "address": address, "action": action}


def error(address: str) -> dict[str, Any]:
    return {"type": "diagnostic", "step": "apply", "severity": "error", "summary": "No", "address": address}


def ended(code: int | None = 1) -> dict[str, Any]:
    return {"type": "step_finished", "step": "apply", "exit_code": code}


def made(*addresses: str, action: str = "create") -> list[dict[str, Any]]:
    return [event for address in addresses for event in (start(address, action), complete(address, action))]


def outcomes(
    changes: list[dict[str, Any]], events: list[dict[str, Any]], status: Status = Status.FAILED
) -> dict[str, str]:
    """Address -> outcome, and in brackets which halves are done of what is not done whole."""
    found = progress.progress({"changes": changes}, events, status)
    items = [item for part in found.parts for item in part.items]
    return {
        item.address: f"{item.outcome}" + (f" ({', '.join(item.done)})" if item.done and item.outcome != "done" else "")
        for item in items
    }


THREE = [change("a"), change("b"), change("c")]


@pytest.mark.parametrize(
    ("events", "status", "expected"),
    [
        pytest.param([], Status.QUEUED, ["waiting", "waiting", "waiting"], id="before-anything"),
        pytest.param([], Status.DISCARDED, ["not_reached"] * 3, id="never-begun"),
        pytest.param([APPLY, STEP], Status.APPLYING, ["waiting"] * 3, id="engine-starts"),
        pytest.param([APPLY, *made("a"), start("b")], Status.APPLYING, ["done", "running", "waiting"], id="live"),
        pytest.param(
            [APPLY, *made("a"), start("b"), errored("b"), ended()],
            Status.FAILED,
            ["done", "failed", "not_reached"],
            id="failed",
        ),
        pytest.param(
            [APPLY, *made("a"), start("b"), complete("b"), ended()],
            Status.CANCELLED,
            ["done", "done", "not_reached"],
            id="cancelled-in-good-order",
        ),
        pytest.param(
            [APPLY, *made("a"), start("b"), ended(-9)],
            Status.FAILED,
            ["done", "unknown", "not_reached"],
            id="engine-killed-and-heard-to-its-end",
        ),
        pytest.param(
            [APPLY, *made("a"), start("b")],
            Status.INTERRUPTED,
            ["done", "unknown", "unknown"],
            id="supervisor-lost",
        ),
        pytest.param(
            [APPLY, *made("a"), RECOVER, {"type": "step_resumed", "step": "apply", "alive": True}, *made("b"), ended()],
            Status.FAILED,
            ["done", "done", "not_reached"],
            id="heard-on-by-a-second-supervisor",
        ),
        pytest.param(
            [APPLY, *made("a"), RECOVER, {"type": "step_resumed", "step": "apply", "alive": False}, ended(None)],
            Status.FAILED,
            ["done", "unknown", "unknown"],
            id="nobody-listened-when-the-engine-ended",
        ),
        pytest.param(
            [APPLY, STEP, RECOVER, {"type": "phase_finished", "phase": "recover", "extent": "not_begun"}],
            Status.FAILED,
            ["not_reached"] * 3,
            id="lost-before-the-engine-began",
        ),
        pytest.param([{"type": "run_lost", "phase": "apply"}], Status.FAILED, ["unknown"] * 3, id="nothing-was-heard"),
        pytest.param([APPLY, *made("a")], Status.SUCCEEDED, ["done"] * 3, id="success-says-it-all"),
        pytest.param(
            [APPLY, *made("a"), {"type": "phase_started", "phase": "plan"}],
            Status.PLANNING,
            ["waiting"] * 3,
            id="planned-again",
        ),
        pytest.param(
            [APPLY, *made("a", "b"), error("b"), ended()],
            Status.FAILED,
            ["done", "failed (create)", "not_reached"],
            id="made-but-not-as-promised",
        ),
        pytest.param(
            [APPLY, complete("a"), ended()],
            Status.FAILED,
            ["done", "not_reached", "not_reached"],
            id="the-beginning-was-missed",
        ),
    ],
)
def test_each_address_has_the_outcome_that_was_heard(
    events: list[dict[str, Any]], status: Status, expected: list[str]
) -> None:
    assert list(outcomes(THREE, events, status).values()) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([*made("x", action="delete"), *made("x")], "done", id="removed-then-made"),
        pytest.param([*made("x"), *made("x", action="delete")], "done", id="made-then-removed"),
        pytest.param(made("x", action="delete"), "half_done (delete)", id="removed-alone"),
        pytest.param(made("x"), "half_done (create)", id="made-alone"),
        pytest.param([*made("x", action="delete"), start("x"), errored("x")], "failed (delete)", id="not-made-again"),
        pytest.param([start("x", "delete"), errored("x", "delete")], "failed", id="not-removed"),
        pytest.param([*made("x", action="delete"), start("x")], "unknown (delete)", id="making-was-not-heard-to-end"),
        pytest.param([], "not_reached", id="neither"),
    ],
)
def test_a_replacement_has_two_halves(events: list[dict[str, Any]], expected: str) -> None:
    assert outcomes([change("x", "replace")], [APPLY, *events, ended()]) == {"x": expected}


def test_a_data_source_that_cannot_be_read_has_failed_by_its_diagnostic() -> None:
    changes = [change("a"), change("data.x", "read")]
    found = progress.progress(
        {"changes": changes}, [APPLY, *made("a"), start("data.x", "read"), error("data.x"), ended()], Status.FAILED
    )
    assert progress.sentence(found) == "1 of 1 resource done; failed: data.x"


def test_what_the_engine_is_silent_about_is_not_told_of() -> None:
    changes = [change("a"), change("b", "move"), change("c", "forget"), change("d", "import")]
    assert outcomes(changes, [APPLY, *made("a"), ended()]) == {"a": "done"}


def test_keys_that_events_hide_and_the_plan_shows_are_matched() -> None:
    changes = [change('m["eu"].x["(masked)"]'), change('m["us"].x["(masked)"]'), change("y[0]")]
    events = [APPLY, *made('m["(masked)"].x["(masked)"]', "y[0]"), ended()]
    assert list(outcomes(changes, events).values()) == ["done", "not_reached", "done"]


def test_objects_that_share_an_address_are_told_apart_by_number() -> None:
    changes = [change("x", "delete", reason="deposed"), change("x", "replace"), change('y["(masked)"]')]
    changes.append(change('y["(masked)"]'))
    events = [APPLY, *made("x", "x", action="delete"), *made("x"), *made('y["(masked)"]'), ended()]
    found = progress.progress({"changes": changes}, events, Status.FAILED)
    assert [item.outcome for part in found.parts for item in part.items] == [
        Outcome.DONE,
        Outcome.DONE,
        Outcome.DONE,
        Outcome.NOT_REACHED,
    ]


def test_nodes_are_counted_and_what_belongs_to_none_comes_last() -> None:
    changes = [
        change("o", node=None),
        *(change(f"b{n}", node="thing.default#b") for n in range(9)),
        change("a", node="thing.default#a"),
        change("data.b", "read", node="thing.default#b"),
    ]
    events = [APPLY, *made("a", *(f"b{n}" for n in range(7))), start("b7"), errored("b7"), ended()]
    found = progress.progress({"changes": changes}, events, Status.FAILED)
    assert [(part.resource, part.done, part.total, part.is_done) for part in found.parts] == [
        ("thing.default#a", 1, 1, True),
        ("thing.default#b", 7, 9, False),
        (None, 0, 1, False),
    ]
    assert str(found) == "8 of 11"


def test_a_sentence_names_a_few_of_each_kind() -> None:
    changes = [change(f"a{n}") for n in range(9)]
    events = [APPLY, *made("a0"), start("a1"), errored("a1"), start("a2"), ended()]
    found = progress.progress({"changes": changes}, events, Status.FAILED)
    assert progress.sentence(found) == (
        "1 of 9 resources done; failed: a1; unknown: a2; not reached: a3, a4, a5 and 3 more"
    )


def test_there_is_nothing_to_say_of_nothing() -> None:
    assert progress.sentence(progress.progress(None, [], Status.FAILED)) == ""
    assert progress.sentence(progress.progress({"changes": []}, [APPLY, ended()], Status.FAILED)) == ""
