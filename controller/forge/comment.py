"""What does a pull request read about its plan? One Markdown text that fits every forge; no value is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.model.deployment import Status
from controller.model.document import Json
from controller.model.record import Counts

LIMIT = 65_000  # bytes; GitHub takes 65,536 characters, the others more
_SIGNS = {
    "create": "+",
    "update": "~",
    "delete": "−",
    "replace": "−/+",
    "read": "read",
    "move": "moved",
    "import": "import",
    "forget": "forget",
}
_ORDER = tuple(_SIGNS)
_LONGEST_CELL = 300


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """The plan of one environment, or how far it has come."""

    slug: str
    deployment: str
    status: Status
    message: str = ""
    counts: Counts | None = None
    no_changes: bool = False
    changes: tuple[Mapping[str, Json], ...] = ()  # of the public summary
    differences: tuple[str, ...] = ()  # of the graph, sentences
    mermaid: str = ""
    diagnostics: tuple[Json, ...] = ()
    warnings: tuple[str, ...] = ()
    link: str = ""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Everything that is known of a ref: what would change, what cannot be planned, what stays."""

    repository: str
    ref: str
    head: str
    base: str
    base_branch: str
    plans: tuple[EnvironmentPlan, ...] = ()
    problems: Mapping[str, Sequence[str]] | None = None  # P/E -> located problems
    conflicts: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    notes: Mapping[str, str] | None = None  # P/E -> why it is not planned although it would change


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is told: each next one less."""

    graphs: bool = True
    resources: int | None = None  # of each environment; None: all
    problems: int | None = None


_DETAILS = (
    _Detail(),
    _Detail(graphs=False),
    _Detail(graphs=False, resources=50, problems=50),
    _Detail(graphs=False, resources=5, problems=5),
    _Detail(graphs=False, resources=0, problems=1),
)


def marker(repository: str) -> str:
    """The hidden first line by which the comment is found again."""
    return f"<!-- lockstep plan {re.sub(r'[^A-Za-z0-9_.-]', '-', repository)} -->"


def comment(report: PlanReport) -> str:
    """The text, with as much detail as fits."""
    for detail in _DETAILS:
        text = _text(report, detail)
        if len(text.encode()) <= LIMIT:
            return text
    return _cut(text)


def _text(report: PlanReport, detail: _Detail) -> str:
    parts = [marker(report.repository), f"### Lockstep: {_headline(report)}", _planned_against(report)]
    if report.conflicts:
        parts.append(_conflicts(report))
    if report.plans or report.problems or report.notes:
        parts.append("\n".join(_table(report)))
    for slug, problems in sorted((report.problems or {}).items()):
        parts.append(_problems(slug, problems, detail))
    parts += [_plan(plan, detail) for plan in report.plans]
    if report.unchanged:
        names = ", ".join(_code(slug) for slug in report.unchanged)
        parts.append(f"Unchanged: {names}.")
    if detail is not _DETAILS[0]:
        parts.append("_Some details were left out: they did not fit._")
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(report: PlanReport) -> str:
    if report.conflicts:
        return "this does not merge"
    if report.problems:
        return f"{_count(len(report.problems), 'environment')} cannot be planned"
    changing = [plan.slug for plan in report.plans if not plan.no_changes] + sorted(report.notes or {})
    failed = [plan for plan in report.plans if plan.status in (Status.FAILED, Status.REJECTED)]
    if failed:
        return f"the plan of {_count(len(failed), 'environment')} failed"
    return f"{_count(len(changing), 'environment')} would change" if changing else "nothing would change"


def _planned_against(report: PlanReport) -> str:
    return f"{_code(report.head[:10])} merged into {_code(f'{report.base_branch}@{report.base[:10]}')}"


def _conflicts(report: PlanReport) -> str:
    lines = [
        f"Merging into {_code(report.base_branch)} conflicts; nothing was planned. Merge or rebase, then plan again."
    ]
    return "\n".join([lines[0], "", *(f"- {_code(path)}" for path in report.conflicts)])


def _table(report: PlanReport) -> Iterator[str]:
    yield "| environment | + | ~ | − | −/+ | |"
    yield "|---|--:|--:|--:|--:|---|"
    rows: dict[str, str] = {}
    for plan in report.plans:
        counts = plan.counts
        numbers = (
            [str(n) if n else "" for n in (counts.create, counts.update, counts.destroy, counts.replace)]
            if counts
            else [""] * 4
        )
        rows[plan.slug] = f"| {_linked(plan)} | {' | '.join(numbers)} | {_cell(_state(plan))} |"
    for slug in report.problems or {}:
        rows[slug] = f"| {_code(slug)} | | | | | ❌ rejected |"
    for slug, note in (report.notes or {}).items():
        rows[slug] = f"| {_code(slug)} | | | | | {_cell(note)} |"
    yield from (row for _, row in sorted(rows.items()))


def _state(plan: EnvironmentPlan) -> str:
    if plan.status is Status.PLANNED:
        if plan.no_changes:
            return "no changes"
        flags = []
        if plan.counts and plan.counts.destroy:
            flags.append(f"destroys {plan.counts.destroy}")
        if plan.counts and plan.counts.replace:
            flags.append(f"replaces {plan.counts.replace}")
        return f"⚠️ {', '.join(flags)}" if flags else "planned"
    if plan.status in (Status.FAILED, Status.REJECTED):
        return f"❌ {_code(plan.message) or plan.status}"
    return f"{plan.status}: {_code(plan.message)}" if plan.message else str(plan.status)


def _problems(slug: str, problems: Sequence[str], detail: _Detail) -> str:
    shown = problems[: detail.problems]
    lines = [f"**{slug}** cannot be planned:", "", *(f"- {_code(problem)}" for problem in shown)]
    if len(shown) < len(problems):
        lines.append(f"- … and {len(problems) - len(shown)} more: `lockstep validate`")
    return "\n".join(lines)


def _plan(plan: EnvironmentPlan, detail: _Detail) -> str:
    body = [*_diagnostics(plan, detail), *_warnings(plan, detail), *_resources(plan, detail)]
    if detail.graphs and plan.differences:
        body += ["", *(f"- {_plain(sentence)}" for sentence in plan.differences)]
    if detail.graphs and plan.mermaid:
        body += ["", "```mermaid", plan.mermaid.strip().replace("```", "'''"), "```"]
    if not any(body):
        return ""
    summary = f"<summary><b>{plan.slug}</b></summary>"
    return "\n".join(["<details>", summary, "", *body, "", "</details>"])


def _resources(plan: EnvironmentPlan, detail: _Detail) -> list[str]:
    changes = sorted(plan.changes, key=lambda change: (_rank(change["action"]), change["address"]))
    shown = changes[: detail.resources]
    if not shown:
        return []
    lines = ["| | resource | attributes |", "|---|---|---|"]
    for change in shown:
        sign = _SIGNS.get(change["action"], change["action"])
        flagged = f"⚠️ {sign}" if change["action"] in ("replace", "delete") else sign
        address = change["address"]
        if change.get("previous_address"):
            address = f"{change['previous_address']} → {address}"
        why = f" ({change['reason'].replace('_', ' ')})" if change.get("reason") else ""
        attributes = ", ".join(change.get("attributes") or ())
        lines.append(f"| {flagged} | {_cell(_code(address))}{_cell(why)} | {_cell(_code(attributes))} |")
    if len(shown) < len(changes):
        lines.append(f"| | … and {len(changes) - len(shown)} more | |")
    return lines


def _diagnostics(plan: EnvironmentPlan, detail: _Detail) -> list[str]:
    errors = [one for one in plan.diagnostics if one.get("severity") == "error"]
    lines = []
    for error in errors[: detail.problems]:
        lines.append(f"- ❌ {_code(_where(error) + str(error.get('summary', '')))}")
    return [*lines, ""] if lines else []


def _where(diagnostic: Json) -> str:
    if diagnostic.get("file"):
        return f"{diagnostic['file']}:{diagnostic.get('line') or 1}: "
    found = next((diagnostic[key] for key in ("module", "workload", "provider", "address") if diagnostic.get(key)), "")
    return f"{found}: " if found else ""


def _warnings(plan: EnvironmentPlan, detail: _Detail) -> list[str]:
    lines = [f"- {_code(warning)}" for warning in plan.warnings[: detail.problems]]
    return ["Warnings:", "", *lines, ""] if lines else []


def _rank(action: str) -> int:
    dangerous = ("delete", "replace")
    return -1 if action in dangerous else _ORDER.index(action) if action in _ORDER else len(_ORDER)


def _linked(plan: EnvironmentPlan) -> str:
    return f"[{_code(plan.slug)}]({plan.link})" if plan.link else _code(plan.slug)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _code(text: str) -> str:
    """Text that Markdown leaves alone: nobody is mentioned, nothing is linked."""
    text = " ".join(text.split())
    if not text:
        return ""
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    inner = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return f"{fence}{inner}{fence}"


def _plain(sentence: str) -> str:
    """A sentence with code spans of ours in it, without HTML or mentions."""
    return sentence.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;").replace("\n", " ")


def _cell(text: str) -> str:
    short = text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
    if short is not text and short.count("`") % 2:
        short += "`"
    return short.replace("|", "\\|").replace("\n", " ")


def _cut(text: str) -> str:
    """Lines from the beginning, as many as fit with a last one that says so."""
    end = "\n\n_The rest was left out: it did not fit._\n"
    room = LIMIT - len(end.encode())
    kept = text.encode()[:room].decode(errors="ignore")
    return kept[: kept.rfind("\n")] + end
