"""May this plan be applied, must a person look at it first, or may it never be? Pure: compares, and says why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from controller.model.document import Json
from controller.model.graph import Coordinate
from controller.model.manifest import Approval, EnvironmentConfig, Limits, OnRemoval
from controller.runner.protocol import StateMark

_ORDER = tuple(Approval)  # least strict first
_REMOVAL = (OnRemoval.DESTROY, OnRemoval.APPROVE, OnRemoval.KEEP)  # least strict first


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands in an environment's settings to guard it."""

    type: str
    approval: Approval = Approval.DESTROY
    limits: Limits = field(default_factory=Limits)
    protected: tuple[str, ...] = ()
    self_approval: bool = True
    recipients: tuple[str, ...] = ()
    output_recipients: tuple[str, ...] = ()
    on_removal: OnRemoval = OnRemoval.APPROVE


@dataclass(frozen=True, slots=True)
class Judgement:
    """`refusals`: why it is never applied; `reasons`: why a person must look first. Sentences, both."""

    refusals: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def guards_of(config: EnvironmentConfig) -> Guards:
    return Guards(
        type=config.type,
        approval=config.approval,
        limits=config.limits,
        protected=tuple(sorted(config.protected)),
        self_approval=config.self_approval,
        recipients=config.recipients,
        output_recipients=config.output_recipients,
        on_removal=config.on_removal,
    )


def write(guards: Guards) -> bytes:
    return json.dumps(asdict(guards), sort_keys=True).encode()


def read(content: bytes) -> Guards:
    document = json.loads(content)
    for name in ("protected", "recipients", "output_recipients"):
        document[name] = tuple(document[name])
    meant = {
        "approval": Approval(document["approval"]),
        "limits": Limits(**document["limits"]),
        "on_removal": OnRemoval(document.get("on_removal", OnRemoval.APPROVE)),
    }
    return Guards(**document | meant)


def stricter(ours: Guards, last: Guards | None) -> Guards:
    """What guards a deployment: nothing of what was applied last is loosened by the change that it guards."""
    if last is None:
        return ours
    return Guards(
        type=ours.type,
        approval=max(ours.approval, last.approval, key=_ORDER.index),
        limits=Limits(
            _least(ours.limits.destroy, last.limits.destroy), _least(ours.limits.replace, last.limits.replace)
        ),
        protected=tuple(sorted({*ours.protected, *last.protected})),
        self_approval=ours.self_approval and last.self_approval,
        recipients=tuple(name for name in ours.recipients if name in last.recipients),
        output_recipients=tuple(name for name in ours.output_recipients if name in last.output_recipients),
        on_removal=stricter_removal(ours.on_removal, last.on_removal),
    )


def stricter_removal(ours: OnRemoval, last: OnRemoval) -> OnRemoval:
    """What leaves more of an environment whose directory disappears."""
    return max(ours, last, key=_REMOVAL.index)


def older_state(planned: StateMark | None, known: StateMark | None) -> str:
    """Why a plan for one version of a local state is doubtful where another was the last that an apply left."""
    if known is None or (planned and planned.lineage == known.lineage and planned.serial >= known.serial):
        return ""
    if planned is None:
        found = "there is no state"
    elif planned.lineage != known.lineage:
        found = "the state is another one"
    else:
        found = f"the state has serial {planned.serial}"
    return (
        f"{found}, and the last apply left serial {known.serial} of {known.lineage}: an older state was brought back, "
        "and what it does not know would be made again"
    )


def judge(
    summary: Mapping[str, Json],
    guards: Guards,
    *,
    must_approve: str = "",
    orphans: Mapping[str, str] | None = None,
    changed: Sequence[str] = (),
) -> Judgement:
    """Judge a plan that is not empty. `changed`: sentences about content that the old guard has to see.

    `orphans`: addresses that may have been made unknown to the state, and what to do about each.
    """
    reasons: list[str] = [must_approve] if must_approve else []
    if guards.approval is Approval.PLAN:
        reasons.append("every plan needs approval here (approval: plan)")
    if guards.approval is not Approval.NONE:
        reasons += [*_over_limits(summary["counts"], guards.limits), *changed]
    reasons += _made_twice(summary, orphans or {})
    return Judgement(tuple(_protected(summary, guards.protected)), tuple(reasons))


def changed_content(
    desired: Mapping[str, Json], guards: Guards, before: Mapping[str, Json] | None, last: Guards | None
) -> tuple[str, ...]:
    """What changes of the environment's type and of which providers make its resources."""
    if before is None or last is None:
        return ()
    found = [] if guards.type == last.type else [f"the environment's type changes from {last.type} to {guards.type}"]
    return (*found, *_providers_changed(before, desired))


def _least(one: int | None, other: int | None) -> int | None:
    known = [limit for limit in (one, other) if limit is not None]
    return min(known) if known else None


def _over_limits(counts: Mapping[str, int], limits: Limits) -> Iterator[str]:
    for what, limit in (("destroy", limits.destroy), ("replace", limits.replace)):
        count = counts[what]
        if limit is not None and count > limit:
            things = "1 resource" if count == 1 else f"{count} resources"
            yield f"it would {what} {things}, {limit} may be without approval (limits.{what})"


def _protected(summary: Mapping[str, Json], types: Sequence[str]) -> Iterator[str]:
    for change in summary["changes"]:
        if change["action"] not in ("delete", "replace") or not change.get("module"):
            continue
        coordinate = Coordinate.parse(change["module"])
        if coordinate.type in types:
            does = "destroy" if change["action"] == "delete" else "replace"
            yield f"it would {does} {change['address']} of `{coordinate}`, and type `{coordinate.type}` is protected"


def _made_twice(summary: Mapping[str, Json], orphans: Mapping[str, str]) -> Iterator[str]:
    made = sorted(change["address"] for change in summary["changes"] if change["action"] in ("create", "replace"))
    twice = [address for address in made if address in orphans]
    for remedy in sorted({orphans[address] for address in twice}):
        alike = ", ".join(address for address in twice if orphans[address] == remedy)
        yield f"it would create {alike}, which an interrupted apply may have made already: {remedy}"


def _providers_changed(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    for text, node in sorted(after["nodes"].items()):
        older = before["nodes"].get(text)
        if older is None:
            continue
        was, is_now = _selection(before, older), _selection(after, node)
        for local in sorted(was.keys() & is_now.keys()):
            if was[local] != is_now[local]:
                yield f"the provider of `{text}` changes from {was[local]} to {is_now[local]}"


def _selection(document: Mapping[str, Json], node: Mapping[str, Json]) -> dict[str, str]:
    blocks = document["providers"]
    return {local: f"{blocks[name]['type']}.{blocks[name]['id']}" for local, name in node.get("providers", {}).items()}
