"""What may be applied by itself, what a person has to see, what is never applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.deployments import guard
from controller.deployments.guard import Guards, Judgement
from controller.errors import Place
from controller.model.manifest import Approval, EnvironmentConfig, Limits


def summary(*changes: tuple[str, str, str | None], **counts: int) -> dict[str, Any]:
    """A plan with these changes: action, address, node."""
    return {
        "changes": [{"action": action, "address": address, "module": node} for action, address, node in changes],
        "counts": {"create": 0, "update": 0, "destroy": 0, "replace": 0} | counts,
    }


def document(**providers: str) -> dict[str, Any]:
    """A desired document of nodes `thing.default#NAME`, each made with a provider `TYPE.ID`."""
    return {
        "nodes": {
            f"thing.default#{name}": {"module": "m", "providers": {"x": block}} for name, block in providers.items()
        },
        "providers": {block: dict(zip(("type", "id"), block.split("."), strict=True)) for block in providers.values()},
    }


PRODUCTION = Guards("production")


@pytest.mark.parametrize(
    ("guards", "counts", "reasons"),
    [
        pytest.param(PRODUCTION, {"create": 9, "update": 9}, [], id="nothing-goes"),
        pytest.param(
            PRODUCTION,
            {"destroy": 1},
            ["it would destroy 1 resource, 0 may be without approval (limits.destroy)"],
            id="one-goes",
        ),
        pytest.param(
            replace(PRODUCTION, limits=Limits(2, 1)),
            {"destroy": 2, "replace": 2},
            ["it would replace 2 resources, 1 may be without approval (limits.replace)"],
            id="over-one-limit",
        ),
        pytest.param(replace(PRODUCTION, limits=Limits(None, None)), {"destroy": 9, "replace": 9}, [], id="unlimited"),
        pytest.param(replace(PRODUCTION, approval=Approval.NONE), {"destroy": 9}, [], id="limits-are-ignored"),
        pytest.param(
            replace(PRODUCTION, approval=Approval.PLAN),
            {"create": 1},
            ["every plan needs approval here (approval: plan)"],
            id="every-plan",
        ),
    ],
)
def test_limits(guards: Guards, counts: dict[str, int], reasons: list[str]) -> None:
    assert guard.judge(summary(**counts), guards) == Judgement((), tuple(reasons))


def test_a_protected_type_is_neither_destroyed_nor_replaced_whatever_is_approved() -> None:
    guards = replace(PRODUCTION, approval=Approval.NONE, protected=("postgres",))
    plan = summary(
        ("delete", "module.a.x.y", "postgres.default#db"),
        ("replace", "module.b.x.y", "postgres.large#db"),
        ("update", "module.c.x.y", "postgres.default#other"),
        ("delete", "module.d.x.y", "bucket.default#b"),
        ("delete", "x.y", None),
    )
    assert guard.judge(plan, guards).refusals == (
        "it would destroy module.a.x.y of `postgres.default#db`, and type `postgres` is protected",
        "it would replace module.b.x.y of `postgres.large#db`, and type `postgres` is protected",
    )


def test_what_an_interrupted_apply_may_have_made_is_not_made_again_unseen() -> None:
    plan = summary(("create", "module.a.x.y", "t.default#a"), ("create", "module.b.x.y", "t.default#b"))
    guards = replace(PRODUCTION, approval=Approval.NONE)
    orphans = {"module.a.x.y": "look for it", "module.z.x.y": "look for it"}
    assert guard.judge(plan, guards, orphans=orphans).reasons == (
        "it would create module.a.x.y, which an interrupted apply may have made already: look for it",
    )


def test_what_can_be_imported_is_told_apart_and_what_is_imported_is_not_made() -> None:
    changes = [("create", f"module.{name}.x.y", f"t.default#{name}") for name in "abcd"]
    plan = summary(*changes, ("import", "module.e.x.y", "t.default#e"))
    orphans = {f"module.{name}.x.y": "look for it" for name in "ab"}
    orphans |= {f"module.{name}.x.y": "import it" for name in "de"}
    assert guard.judge(plan, replace(PRODUCTION, approval=Approval.NONE), orphans=orphans).reasons == (
        "it would create module.d.x.y, which an interrupted apply may have made already: import it",
        "it would create module.a.x.y, module.b.x.y, which an interrupted apply may have made already: look for it",
    )


def test_what_a_commit_undoes_is_seen_first() -> None:
    judgement = guard.judge(summary(create=1), PRODUCTION, must_approve="it undoes what ann deployed")
    assert judgement.reasons == ("it undoes what ann deployed",)


def test_nothing_of_what_was_applied_last_is_loosened_by_the_change_that_it_guards() -> None:
    loose = Guards("development", Approval.NONE, Limits(None, 5), ("bucket",), True, ("age1a", "age1b"), ("age1o",))
    strict = Guards("production", Approval.PLAN, Limits(0, 9), ("postgres",), False, ("age1b", "age1c"), ())
    assert guard.stricter(loose, strict) == Guards(
        "development", Approval.PLAN, Limits(0, 5), ("bucket", "postgres"), False, ("age1b",), ()
    )
    assert guard.stricter(loose, None) == loose


def test_the_stricter_of_two_does_not_depend_on_which_came_first() -> None:
    one, other = Guards("t", Approval.NONE, Limits(1, None)), Guards("t", Approval.DESTROY, Limits(None, None))
    assert guard.stricter(one, other) == guard.stricter(other, one) == Guards("t", Approval.DESTROY, Limits(1, None))


def test_a_change_of_type_and_of_providers_is_shown_to_the_old_guard() -> None:
    before, after = document(a="aws.blue", b="aws.blue"), document(a="aws.green", b="aws.blue", c="aws.green")
    assert guard.changed_content(after, Guards("production"), before, Guards("staging")) == (
        "the environment's type changes from staging to production",
        "the provider of `thing.default#a` changes from aws.blue to aws.green",
    )
    assert guard.changed_content(after, Guards("production"), None, None) == ()


def test_changed_content_needs_approval_unless_the_old_guard_asks_for_none() -> None:
    changed = ("the environment's type changes from staging to production",)
    assert guard.judge(summary(create=1), PRODUCTION, changed=changed).reasons == changed
    none = replace(PRODUCTION, approval=Approval.NONE)
    assert guard.judge(summary(create=1), none, changed=changed).reasons == ()


def test_guards_are_read_as_they_were_written() -> None:
    config = EnvironmentConfig(
        "production",
        Place("environment.yaml"),
        approval=Approval.PLAN,
        limits=Limits(None, 3),
        protected=("postgres", "bucket"),
        self_approval=False,
        recipients=("age1a",),
    )
    guards = guard.guards_of(config)
    assert guards.protected == ("bucket", "postgres")
    assert guard.read(guard.write(guards)) == guards
