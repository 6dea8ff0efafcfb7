"""What does Git say, and what do people do?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pygit2

from controller.deployments import actions, suspending
from controller.errors import ConflictError, ManifestError, NotFoundError
from controller.model.deployment import Status
from controller.reconcile import SETTLED
from tests import git_factories
from tests.deploy_factories import PLATFORM
from tests.machine.company import Company, files_of, manifest
from tests.machine.luck import SLUGS

_MODULE = "platform/modules/thing/module.yaml"


class People(Company):
    """Whoever pushes, and whoever acts on deployments and environments."""

    def _change(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        self._push({slugs[0]: manifest(sizes)})

    def _change_many(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        self._push({slug: manifest(sizes) for slug in slugs})

    def _break_a_file(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        self._push({slugs[0]: "workloads: {api: {resources: {db: {type: thingg}}}}\n"})

    def _break_or_mend_the_platform(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        self.broken = not self.broken
        text = str(PLATFORM[_MODULE])
        self._push({}, {_MODULE: text.replace("resource_type", "resource_tipe") if self.broken else text})

    def _remove(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        self._push({slug: None for slug in slugs if slug in self.declared[self.tip]})

    def _bring_back(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        gone = [slug for slug in SLUGS if slug not in self.declared[self.tip]]
        self._push({slug: manifest(sizes) for slug in gone or slugs[:1]})

    def _revert(self, slugs: list[str], sizes: dict[str, int], back: int) -> None:
        """What stood there some commits ago, in a new commit."""
        commit = self.repo[self.tip]
        for _ in range(back):
            if not commit.parents or str(commit.parents[0].id) not in self.declared:
                break
            commit = commit.parents[0]
        now = git_factories.FIRST_SECOND + 60 * len(list(self.repo.odb))
        author = pygit2.Signature(*git_factories.AUTHOR, now, 60)
        made = self.repo.create_commit("refs/heads/main", author, author, "Revert", commit.tree.id, [self.tip])
        self.declared[str(made)] = set(self.declared[str(commit.id)])
        self.tip = str(made)
        self.broken = "resource_tipe" in self.repo[made].tree[_MODULE].data.decode()

    def _push(
        self, contents: Mapping[str, str | None], more: Mapping[str, git_factories.Content] | None = None
    ) -> None:
        before = self.declared[self.tip]
        files = dict(more or {})
        for slug, content in contents.items():
            files |= files_of(slug, content)
        self.tip = git_factories.commit(self.repo, files)
        gone = {slug for slug, content in contents.items() if content is None}
        self.declared[self.tip] = (before | set(contents)) - gone

    def _deploy(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        workload = {"resources": {name: {"type": "thing", "params": {"size": size}} for name, size in sizes.items()}}
        document = {"workloads": {"api": workload}}
        with suppress(ManifestError):
            self._act(actions.deploy_manifest, who, *slug.split("/"), document, plan_only=pick == 9)

    def _destroy(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        self._act(actions.destroy, who, *slug.split("/"))

    def _rollback(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        rows = [row for row in self._rows() if f"{row.project}/{row.environment}" == slug]
        good = [row for row in rows if row.status == Status.SUCCEEDED] or rows
        if good:
            self._act(actions.rollback, who, *slug.split("/"), good[-1 - pick % len(good)].id)

    def _retry(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        tried = [row for row in self._rows() if Status(row.status) in SETTLED] or self._rows()
        self._act(actions.retry, who, tried[-1 - pick % len(tried)].id)

    def _approve(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        self._on_waiting(actions.approve, who, pick)

    def _discard(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        self._on_waiting(actions.discard, who, pick)

    def _cancel(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        row = self._open(pick)
        if row:
            self._act(actions.cancel, who, row.id)

    def _resume(self, who: str, slug: str, pick: int, sizes: dict[str, int]) -> None:
        held = [hold.scope for hold in self._holds()]
        slug = held[pick % len(held)] if held else slug
        if "/" in slug:
            self._act(actions.resume, who, *slug.split("/"))
        else:
            self._act(suspending.resume, who, slug)

    def _suspend(self, scope: str) -> None:
        """For five minutes; said again, for five more."""
        self._act(suspending.suspend, "eve", scope, until=self.clock() + timedelta(minutes=5), reason="release")

    def _act(self, act: Callable[..., object], *given: Any, **more: Any) -> None:
        """What a person does; refused with a sentence, or done."""
        with suppress(ConflictError, NotFoundError):
            act(self.plain, *given, **more)

    def _on_waiting(self, act: Callable[..., object], who: str, pick: int) -> None:
        waiting = [row for row in self._rows() if row.status == Status.AWAITING_APPROVAL]
        if waiting:
            self._act(act, who, waiting[pick % len(waiting)].id)


PUSH = {
    "change": People._change,
    "change many": People._change_many,
    "break": People._break_a_file,
    "platform": People._break_or_mend_the_platform,
    "remove": People._remove,
    "bring back": People._bring_back,
    "revert": People._revert,
}
ACT = {
    "deploy": People._deploy,
    "destroy": People._destroy,
    "rollback": People._rollback,
    "retry": People._retry,
    "approve": People._approve,
    "discard": People._discard,
    "cancel": People._cancel,
    "resume": People._resume,
}
