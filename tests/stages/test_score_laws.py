"""What is always true of Score: our schema is the specification's, and what is right goes all the way."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from controller.errors import ManifestError, Place, Problem
from controller.graph import placeholders
from controller.manifest import reading, schema, score, score_placeholders, score_schema, score_upgrade
from controller.manifest.score_placeholders import Scope
from controller.model.deployment import EngineKind
from controller.model.document import Json, Node, plain
from controller.model.graph import Coordinate, Graph
from controller.tofu.bind import bind, offline
from tests import score_documents, score_factories, score_mutations
from tests.manifest_factories import node, tree
from tests.score_factories import CORPUS, FILLED, as_yaml

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the real Score files are not beside this checkout")
few = settings(deadline=None, suppress_health_check=list(HealthCheck))


@cache
def bases() -> tuple[Json, ...]:
    """The real files as they are written, and one that has everything."""
    real = [plain(reading.read_one(path.name, path.read_bytes())) for path in score_factories.real_files()]
    return (plain(node(FILLED)), plain(node(FILLED)), *real)


@cache
def oracle() -> Any:
    """The specification, with patterns that must match the whole text, as those of Go do."""

    def whole(_: Any, pattern: str, text: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
        if isinstance(text, str) and re.fullmatch(pattern, text, re.ASCII) is None:
            yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")

    validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": whole})
    return validator(json.loads((CORPUS / "score-v1b1.json").read_text()))


def refusals(document: Node) -> tuple[Problem, ...]:
    try:
        schema.validate(score_schema.ScoreFile, document)
    except ManifestError as error:
        return error.problems
    return ()


def agree(document: Json) -> None:
    """Our schema and the specification say the same of a document, once its old forms are upgraded."""
    written = reading.read_one("score.yaml", as_yaml(document).encode())
    upgraded, warnings, lost = score_upgrade.upgraded(written)
    if lost:
        event("cannot be upgraded")
        cannot_be_upgraded(lost)
        return
    problems = refusals(upgraded)
    expected = oracle().is_valid(plain(upgraded))
    event(f"valid: {expected}, upgraded: {bool(warnings)}")
    assert (not problems) is expected, (document, problems)
    assert all(isinstance(problem.where, Place) and problem.what and problem.remedy for problem in problems)


def cannot_be_upgraded(problems: Iterable[Problem]) -> None:
    """Nothing but what docs/score.md lists: items of a list that say not where they belong, or say it twice."""
    known = r"an item of `(files|volumes)` (has no `target`|must be a map)|`.*` is mounted twice in `(files|volumes)`"
    assert all(re.fullmatch(known, problem.what) for problem in problems)


@needs_corpus
def test_the_real_files_are_valid_to_us_as_to_the_specification() -> None:
    assert len(score_factories.real_files()) >= 40
    for path in score_factories.real_files():
        upgraded = score_upgrade.upgraded(reading.read_one(path.name, path.read_bytes())).document
        assert refusals(upgraded) == ()
        assert oracle().is_valid(plain(upgraded))


@needs_corpus
@settings(few, max_examples=400)
@given(st.data())
def test_we_agree_with_the_specification_on_what_was_changed(data: st.DataObject) -> None:
    agree(data.draw(score_mutations.mutated(bases())))


@needs_corpus
@settings(few, max_examples=50)
@given(score_documents.score_files())
def test_we_agree_with_the_specification_on_what_is_right(document: Json) -> None:
    assert oracle().is_valid(document)
    agree(document)


@needs_corpus
@pytest.mark.soak
@settings(few, max_examples=20_000)
@given(st.data())
def test_we_agree_with_the_specification_on_thousands_of_changes(data: st.DataObject) -> None:
    agree(data.draw(score_mutations.mutated(bases())))


def ends_in_problems_or_a_workload(document: Json) -> None:
    """Whatever is written, the conversion gives a workload or located problems."""
    written = reading.read_one("shop/score.yaml", as_yaml(document).encode())
    found, problems = score.attempt(tree({"shop/x": "y"}), "shop/score.yaml", written, None, {})
    assert found is not None or problems
    assert all(isinstance(problem.where, Place) and problem.what and problem.remedy for problem in problems)


@settings(few, max_examples=150)
@given(st.data())
def test_whatever_is_written_ends_in_a_workload_or_in_located_problems(data: st.DataObject) -> None:
    ends_in_problems_or_a_workload(data.draw(score_mutations.mutated(bases())))


@pytest.mark.soak
@settings(few, max_examples=20_000)
@given(st.data())
def test_thousands_of_documents_end_in_a_workload_or_in_located_problems(data: st.DataObject) -> None:
    ends_in_problems_or_a_workload(data.draw(score_mutations.mutated(bases())))


def goes_all_the_way(document: Json) -> None:
    """From the file to what the engine reads; what Score does not expand arrives as it was written."""
    text = as_yaml(document)
    found = score_factories.resolve(score_factories.repository(text, plain(node(text))))
    bundle = bind(found.desired.document, offline(EngineKind.TERRAFORM), (), found.module_files)
    json.loads(bundle.files["main.tf.json"])
    params = workload_params(found.graph, document)
    assert params["metadata"] == normal(document["metadata"])
    for name, container in normal(document["containers"]).items():
        arrived = params["containers"][name]
        if container["image"] != ".":
            assert arrived["image"] == container["image"]
        for key in ("command", "args", "before"):
            assert arrived.get(key, type(container.get(key))()) == container.get(key, arrived.get(key))
        for key in ("livenessProbe", "readinessProbe", "resources"):
            assert without_empty_headers(arrived.get(key)) == without_empty_headers(container.get(key))
        for key in ("variables", "files", "volumes"):
            assert set(arrived.get(key, ())) == set(container.get(key, ()))
        for target, file in container.get("files", {}).items():
            if file.get("noExpand") or "binaryContent" in file:
                assert arrived["files"][target] == file


def workload_params(graph: Graph, document: Json) -> Json:
    name = document["metadata"]["name"]
    return graph.nodes[Coordinate("score-workload", "default", f"workloads.{name}.score-workload")].params


def normal(value: Json) -> Json:
    """As the engine has it: texts in NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [normal(item) for item in value]
    return {normal(key): normal(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def without_empty_headers(probe: Json) -> Json:
    if isinstance(probe, dict):
        return {
            key: without_empty_headers(entry)
            for key, entry in probe.items()
            if not (key == "httpHeaders" and not entry)
        }
    return probe


@settings(few, max_examples=40)
@given(score_documents.score_files())
def test_what_is_right_goes_all_the_way(document: Json) -> None:
    goes_all_the_way(document)


@pytest.mark.soak
@settings(few, max_examples=5_000)
@given(score_documents.score_files())
def test_thousands_of_right_documents_go_all_the_way(document: Json) -> None:
    goes_all_the_way(document)


METADATA = node('{name: api, "a.b": {c: [1, "<${x}>"]}}')
_PIECES = (
    *("$", "$$", "{", "}", "${", "$$$${x}", "$\\{", "\\", "a", ".", "\n"),
    *("${metadata.name}", "${metadata.a\\.b.c}", "${resources.db.x}", "${resources.db}", "$${context.env_id}"),
)
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


@settings(few, max_examples=500)
@given(_TEXTS)
@example("$$${metadata.name}$$$$")
def test_a_text_says_to_the_graph_what_it_says_to_the_reference(text: str) -> None:
    found, mistakes = score_placeholders.rewritten(text, Scope(METADATA, frozenset({"db"})))
    if not mistakes:
        assert parts_of(found) == list(joined(reference(text)))


def parts_of(text: str) -> list[str]:
    return [part if isinstance(part, str) else f"<{part.text}>" for part in placeholders.parse(text) if part]


def reference(text: str) -> Iterator[str]:
    """The scanner of the reference implementation, as reference/score.md §2 describes it."""
    at = 0
    for token in re.finditer(r"\$((?:\$?{([^}]*)})|\$)", text):
        yield text[at : token.start()]
        at, body = token.end(), token[1]
        if body == "$":
            yield "$"
        elif body.startswith("$"):
            # Passed on, as everybody who writes it for the orchestrator wants.
            yield f"<{body}>" if re.fullmatch(r"\$\{(context|shared|select)\.[^{}]+}", body) else body
        else:
            yield {"metadata.name": "api", "metadata.a\\.b.c": '[1,"\\u003c${x}\\u003e"]'}.get(
                token[2], f"<${{{token[2].replace('db.', 'db.outputs.')}}}>"
            )
    yield text[at:]


def joined(parts: Iterator[str]) -> Iterator[str]:
    """Literal pieces beside one another made one."""
    literal = ""
    for part in parts:
        if part.startswith("<$"):
            yield from [literal] if literal else []
            yield part
            literal = ""
        else:
            literal += part
    yield from [literal] if literal else []
