"""Laws of the way from files to what Git wants, over repositories of chance; a failure names the seed of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cli import validate
from controller import bases, pipeline
from controller.errors import ManifestError
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.graph import Coordinate
from controller.model.tree import MemoryTree, Tree
from controller.tofu.bind import bind, offline
from tests.generated import Generated, digest_of, generate
from tests.mutations import faults, mutation
from tests.sample_factories import bundle, resolved

ROOT = Path(__file__).parents[2]
SEEDS = range(25)
MUTATIONS = 500
MOST_SECONDS = 10.0  # of computing, for one repository; a tenth of one is usual

found_at = cache(generate)


@cache
def digests_at(seed: int) -> Mapping[str, str | None]:
    return digests(found_at(seed).tree())


def digests(tree: Tree) -> dict[str, str | None]:
    """The digest of every environment; None where something is wrong."""
    repository = pipeline.read(tree)
    found: dict[str, str | None] = {}
    for slug in pipeline.environments(repository):
        project, _, name = slug.partition("/")
        try:
            base = bases.base_of(repository, project, name)
            done = pipeline.resolve(repository, project, name, pins=Pins(), engine=EngineKind.TERRAFORM, base=base)
            found[slug] = done.desired.digest
        except ManifestError:
            found[slug] = None
    return found


@pytest.mark.parametrize("seed", range(200))
def test_a_repository_that_is_right_is_told_to_be_right(seed: int) -> None:
    found = found_at(seed)
    problems, _ = validate.examined(found.tree())
    assert problems == ()
    assert None not in digests_at(seed).values()


# Nothing is changed on the way


@pytest.mark.parametrize("seed", SEEDS)
def test_no_input_is_ever_changed(seed: int) -> None:
    tree = found_at(seed).tree()
    repository = pipeline.read(tree)
    files, read = _everything(tree), repr(repository)
    past: list[Mapping[str, Any]] = []
    for slug, found in resolved(tree):
        before = repr(found), repr(past)
        bind(found.desired.document, offline(), past, found.module_files)
        assert (repr(found), repr(past)) == before, slug
        past.append(found.desired.document)
        project, _, name = slug.partition("/")
        pipeline.examine(repository, project, name, EngineKind.OPENTOFU)
    assert _everything(tree) == files
    assert repr(repository) == read


def _everything(tree: MemoryTree) -> str:
    return repr((tree.folders, tree.contents, tree.identities))


# The same input gives the same bytes


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_order_nor_spelling_of_files_nor_what_was_read_before_matters(seed: int) -> None:
    found = found_at(seed)
    files = list(found.files().items())
    Random(seed).shuffle(files)
    said = digests_at(seed)
    assert digests(MemoryTree.of(dict(files))) == said
    assert digests(found.tree(style=1)) == said
    other = found_at(seed + 1).tree()
    again = pipeline.read(found.tree(), pipeline.read(other))
    assert repr(again.catalog) == repr(pipeline.read(found.tree()).catalog)


def test_another_process_with_another_hash_seed_and_another_folder_renders_the_same_bytes(tmp_path: Path) -> None:
    here = "".join(f"{seed} {digest_of(found_at(seed).tree())}\n" for seed in SEEDS)
    for seed in ("0", "4711"):
        folder = tmp_path / seed / "some where"
        command = (sys.executable, "-m", "tests.generated", str(SEEDS.start), str(SEEDS.stop), str(folder))
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == here


# Whatever is wrong is told, in its place


@pytest.mark.parametrize("part", range(10))
def test_a_mistake_renders_or_is_told_with_place_and_remedy(part: int) -> None:
    for number in range(part * MUTATIONS // 10, (part + 1) * MUTATIONS // 10):
        check_mutation(found_at(number % 40), Random(f"anywhere {number}"))


def check_mutation(found: Generated, chance: Random) -> None:
    """One mistake, or several at once, anywhere in a repository."""
    made = mutation(chance, found)
    what = f"seed {found.seed}: {made.what} {made.path}"
    tree = MemoryTree.of(made.files)
    began = time.process_time()
    try:
        problems, _ = validate.examined(tree)
        after = digests(tree)
    except ManifestError as error:  # a broken lockstep.yaml
        problems, after = error.problems, {}
    assert time.process_time() - began < MOST_SECONDS, what
    assert list(faults(problems, tree)) == [], what
    assert problems or None not in after.values(), what
    for slug, found_ in resolved(tree) if not problems else ():
        assert bundle(found_).files, (what, slug)


@pytest.mark.parametrize("part", range(5))
def test_a_mistake_in_an_environment_stops_that_environment_only(part: int) -> None:
    for number in range(part * 30, (part + 1) * 30):
        check_scope_of_environment(found_at(number % 40), Random(f"environment {number}"))


def check_scope_of_environment(found: Generated, chance: Random) -> None:
    before = digests_at(found.seed)
    slug = chance.choice(sorted(before))
    folder = f"{found.projects}/{slug}/".lstrip("/")
    made = mutation(chance, found, [path for path in found.files() if path.startswith(folder)])
    after = digests(MemoryTree.of(made.files))
    touched = {slug} | {other for other in before if slug in sources(found, other)}
    if slug not in after:  # others may wait for it by name
        touched |= set(before)
    others = before.keys() - touched
    what = f"seed {found.seed}: {made.what} {made.path}"
    assert {other: after.get(other) for other in others} == {other: before[other] for other in others}, what


def sources(found: Generated, slug: str) -> list[str]:
    """The environments that an environment is promoted from, one after another."""
    chain = []
    while slug in found.sources:
        slug = found.sources[slug]
        chain.append(slug)
    return chain


@pytest.mark.parametrize("part", range(5))
def test_with_a_broken_file_of_the_platform_no_environment_becomes_another(part: int) -> None:
    """It stops, or is what it was: a rule set is never evaluated with a rule missing."""
    for number in range(part * 30, (part + 1) * 30):
        check_scope_of_platform(found_at(number % 40), Random(f"platform {number}"))


def check_scope_of_platform(found: Generated, chance: Random) -> None:
    before = digests_at(found.seed)
    one_document = [path for path, each in found.documents.items() if len(each) == 1]
    made = mutation(chance, found, [path for path in one_document if path.startswith(f"{found.platform}/")])
    tree = MemoryTree.of(made.files)
    repository = pipeline.read(tree)
    wrong = [breakage for breakage in repository.catalog.problems if _path(breakage.problem.where) == made.path]
    after = digests(tree) if wrong else {}
    what = f"seed {found.seed}: {made.what} {made.path}"
    for slug, digest in after.items():
        assert digest in (None, before[slug]), (what, slug)
    used = {slug: _types(found, slug) for slug in after} if wrong else {}
    scopes = [breakage.resource_types for breakage in repository.catalog.problems]
    document = found.documents[made.path][0]
    gone = {document.get("id"), document.get("resource_type")} if isinstance(document, dict) else set()
    for slug in after:
        # Who has nothing to do with a broken resource type, nor with what the file was before, goes on.
        if None not in scopes and not any((scope or set()) & used[slug] for scope in (*scopes, gone)):
            assert after[slug] == before[slug], (what, slug)


def _path(where: Any) -> str:
    return str(getattr(where, "path", ""))


@cache
def _graphs(seed: int) -> Mapping[str, frozenset[Coordinate]]:
    return {slug: frozenset(done.graph.nodes) for slug, done in resolved(found_at(seed).tree())}


def _types(found: Generated, slug: str) -> frozenset[str]:
    return frozenset(node.type for node in _graphs(found.seed)[slug])


# What changes the digest, and what does not

Change = Callable[[Generated], Generated]


def each_document(found: Generated, kind: str, change: Callable[[Any], Any]) -> Generated:
    """Changes every document whose path has `kind` in it."""
    return found.changed(
        {path: [change(one) for one in each] for path, each in found.documents.items() if kind in path}
    )


def in_platform(kind: str, change: Callable[[Any], Any]) -> Change:
    return lambda found: each_document(found, f"{found.platform}/{kind}", change)


def described(document: Any) -> Any:
    """With other words for people, wherever they stand."""
    if isinstance(document, list):
        return [described(item) for item in document]
    params = {name: {**param, "description": "new"} for name, param in document.get("module_params", {}).items()}
    return {**document, "description": "new", **({"module_params": params} if params else {})}


def named(document: Any) -> Any:
    return [{**item, "display_name": "Another name"} for item in document]


def guarded(found: Generated) -> Generated:
    """Every environment with other guards, other recipients, another mode."""
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    more = {
        "approval": "plan",
        "limits": {"destroy": 3, "replace": 4},
        "self_approval": False,
        "after_merge": "hold",
        "on_removal": "keep",
        "drift": {"every": "1d", "heal": True},
        "mode": "observe",
        "recipients": [key],
        "output_recipients": [key],
        "protected": ["score-workload"],
        "uuid": "6f1c0000-0000-4000-8000-00000000000b",
    }
    folders = [f"{found.projects}/{slug}/environment.yaml".lstrip("/") for slug in digests_at(found.seed)]
    return found.changed({path: [{**(found.documents.get(path) or [{}])[0], **more}] for path in folders})


def reversed_keys(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: reversed_keys(document[key]) for key in reversed(document)}
    return [reversed_keys(item) for item in document] if isinstance(document, list) else document


def in_two_files(found: Generated) -> Generated:
    """Every manifest in two files."""
    changes: dict[str, list[Any]] = {}
    for path, (document, *_) in found.documents.items():
        if path.endswith("manifest.yaml") and isinstance(document, dict):
            for part in ("workloads", "shared"):
                alone = {part: document[part]} if part in document else {}
                changes |= {f"{path.removesuffix('manifest.yaml')}{part}.manifest.yaml": [alone]}
            changes[path] = []
    return found.changed(changes)


def with_unused(found: Generated) -> Generated:
    """With a type, a module and a provider that nobody uses."""
    module = {"resource_type": "unused", "module_source": "inline", "module_source_code": "locals {}\n", "rules": [{}]}
    provider = {"provider_type": "aws", "id": "unused", "source": "hashicorp/aws", "version_constraint": "~> 5.0"}
    return found.changed(
        {
            f"{found.platform}/resource-types/unused.yaml": [{"id": "unused"}],
            f"{found.platform}/modules/unused.yaml": [module],
            f"{found.platform}/providers/unused.yaml": [provider],
        }
    )


def other_variables(document: Any) -> Any:
    if document["runner_configuration"]["type"] != "local":
        return document
    return {**document, "runner_configuration": {"type": "local", "env": {"OTHER": "x"}}}


NOT_COVERED: Mapping[str, Change] = {
    "descriptions of modules": in_platform("modules", described),
    "descriptions of resource types": in_platform("resource-types", described),
    "descriptions of providers": in_platform("providers", described),
    "names of environment types": in_platform("environment-types", named),
    "guards, recipients and modes": guarded,
    "the order of keys": lambda found: each_document(found, "", reversed_keys),
    "manifests in more files": in_two_files,
    "what nobody uses": with_unused,
    "variables of runners": in_platform("runners", other_variables),
}


@pytest.mark.parametrize("what", NOT_COVERED)
def test_what_is_not_covered_leaves_every_digest(what: str) -> None:
    for seed in SEEDS:
        after = digests(NOT_COVERED[what](found_at(seed)).tree())
        assert after == digests_at(seed), f"seed {seed}"


def test_an_output_more_changes_the_environment_and_those_promoted_from_it() -> None:
    for seed in SEEDS:
        found, before = found_at(seed), digests_at(seed)
        slug = Random(seed).choice(sorted(before))
        path = f"{found.projects}/{slug}/more.manifest.yaml".lstrip("/")
        changed = found.changed({path: [{"workloads": {"one-more": {"outputs": {"$x": "${context.env_id}"}}}}]})
        after = digests(changed.tree())
        assert None not in after.values(), f"seed {seed}"
        meant = {slug} | {other for other in before if slug in sources(found, other)}
        assert {other for other in before if after[other] != before[other]} == meant, f"seed {seed}"


@pytest.mark.parametrize("what", ["code", "ordering"])
def test_a_change_of_a_module_changes_exactly_the_environments_that_use_it(what: str) -> None:
    for seed in SEEDS:
        found, before = found_at(seed), digests_at(seed)
        path = Random(seed).choice([path for path in sorted(found.documents) if f"{found.platform}/modules/" in path])
        document = found.documents[path][0]
        id_ = document.get("id") or path.removesuffix("/module.yaml").removesuffix(".yaml").rpartition("/")[2]
        changed = _other_code(found, path, document) if what == "code" else _other_order(found, path, document)
        after = digests(changed.tree())
        using = {
            slug
            for slug, done in resolved(found.tree())
            if any(node.module == id_ for node in done.graph.nodes.values())
        }
        assert {slug for slug in before if after[slug] != before[slug]} == using, f"seed {seed}: {path}"


def _other_order(found: Generated, path: str, document: Any) -> Generated:
    other = "references" if document.get("ordering") == "strict" else "strict"
    return found.changed({path: [{**document, "ordering": other}]})


def _other_code(found: Generated, path: str, document: Any) -> Generated:
    if document["module_source"] == "inline":
        return found.changed({path: [{**document, "module_source_code": document["module_source_code"] + "# more\n"}]})
    folder = path.rpartition("/")[0]
    source = f"{folder}/{document['module_source'].removeprefix('.').lstrip('/')}".rstrip("/")
    return found.with_files({f"{source}/more.tf": b"# more\n"})
