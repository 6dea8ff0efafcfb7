"""Slots of their own for plans and for applies, memory for both, and always room for one."""

from __future__ import annotations

from collections.abc import Callable

from controller.room import Room

MIB = 2**20


def room(
    plans: int = 2,
    applies: int = 1,
    memory: int = 0,
    available: Callable[[], int | None] = lambda: None,
    at: float = 0.0,
) -> Room:
    return Room(plans, applies, memory, available, lambda: at)


def test_plans_and_applies_have_slots_of_their_own() -> None:
    made = room()
    made.let_in("a")
    assert made.lacks_for_plan() == ""
    made.let_in("b")
    assert made.lacks_for_plan() == "waits for room: 2 plans at a time (plan_slots)"
    assert made.may_apply("a") == ""
    assert made.is_applying("a")
    assert made.lacks_for_plan() == ""


def test_whoever_waits_to_apply_holds_no_slot() -> None:
    made = room()
    made.let_in("a")
    made.let_in("b")
    made.may_apply("a")
    assert made.may_apply("b") == "waits for room: 1 apply at a time (apply_slots)"
    assert made.lacks_for_plan() == ""
    made.leave("a")
    assert (made.may_apply("b"), made.is_applying("b")) == ("", True)


def test_a_run_begins_only_where_memory_is_left_but_one_always_goes_on() -> None:
    left = [100 * MIB]
    made = Room(9, 9, 512 * MIB, lambda: left[0], lambda: 0.0)
    assert made.lacks_for_plan() == ""
    made.let_in("a")
    assert made.lacks_for_plan() == "waits for memory: a run needs 512 MiB (memory_per_run)"
    assert made.may_apply("a") == ""  # it is the only one
    left[0] = 1024 * MIB
    assert made.lacks_for_plan() == ""


def test_what_has_just_begun_has_not_taken_its_memory_yet() -> None:
    now = [0.0]
    made = Room(9, 9, 512 * MIB, lambda: 1500 * MIB, lambda: now[0])
    for name in "abc":
        assert made.lacks_for_plan() == "" or name == "c"
        made.let_in(name)
    assert made.lacks_for_plan() == "waits for memory: a run needs 512 MiB (memory_per_run)"
    now[0] = 30.0
    assert made.lacks_for_plan() == ""


def test_where_memory_cannot_be_read_or_is_no_matter_only_slots_count() -> None:
    for made in (room(memory=MIB, available=lambda: None), room(memory=0, available=lambda: 0)):
        made.let_in("a")
        assert made.lacks_for_plan() == ""


def test_what_was_at_work_before_is_let_in_where_there_is_no_room() -> None:
    made = room(plans=1)
    for name in "abc":
        made.let_in(name)
    assert made.lacks_for_plan() == "waits for room: 1 plan at a time (plan_slots)"
