"""What does a Score file say? Its document in today's form, checked, patched by its overrides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from controller.errors import MOST, ManifestError, Problem, near
from controller.manifest import mending, merge, schema, score_schema, score_upgrade, wording
from controller.manifest.phrases import shown
from controller.model.document import Node, find

_PREFIX, _WORDS = "platform-orchestrator.dev", ("resType", "resClass", "resId")
_SPELLINGS = (("type", schema.RESOURCE_TYPE), ("class", schema.RESOURCE_CLASS), ("id", schema.RESOURCE_ID))
ANNOTATIONS = {f"{_PREFIX}/{word}": meaning for word, meaning in zip(_WORDS, _SPELLINGS, strict=True)}


@dataclass(frozen=True, slots=True)
class ScoreDocument:
    """A document in today's form, mended where something is wrong with it; None where nothing is left of it.

    Not whole where more than names of keys had to be mended.
    """

    document: Node | None
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_whole: bool = True


def read(node: Node, overrides: Node | None = None) -> ScoreDocument:
    """The document, with the overrides laid over it; all problems beside it."""
    found = _read(node)
    return found if overrides is None or found.document is None else _patched(found, found.document, overrides)


def name_of(document: Node) -> Node | None:
    """`metadata.name` of a Score document or of a patch for one, where it is a text; misspelt keys are understood."""
    metadata = mending.renamed(score_schema.ScoreFile, document).entries.get("metadata")
    name = metadata.entries.get("name") if metadata is not None else None
    return name if name is not None and isinstance(name.value, str) else None


def _read(node: Node) -> ScoreDocument:
    document, warnings, lost = score_upgrade.upgraded(node)
    problems = _problems(document)
    if not problems:
        return ScoreDocument(document, warnings, lost, is_whole=not lost)
    is_whole = not lost and not _problems(mending.renamed(score_schema.ScoreFile, document))
    mended = mending.mended(score_schema.ScoreFile, document, _problems)
    return ScoreDocument(mended, warnings, (*lost, *problems), is_whole)


def _problems(document: Node) -> list[Problem]:
    try:
        schema.validate(score_schema.ScoreFile, document)
    except ManifestError as error:
        return list(error.problems)
    return list(islice(_misspelt(document), MOST))


def _misspelt(document: Node) -> Iterator[Problem]:
    """Keys of ours in maps that may hold any other."""
    resources = document.entries.get("resources", Node({}, document.place)).entries.values()
    metadata = [(document.entries.get("metadata"), ("name", "annotations"))]
    for node, known in [*metadata, *((resource.entries.get("metadata"), ("annotations",)) for resource in resources)]:
        if node is not None:
            yield from wording.misspelt(node, known)
    yield from _misspelt_annotations(find(document, ("metadata", "annotations")) or Node({}, document.place))


def _misspelt_annotations(annotations: Node) -> Iterator[Problem]:
    """Annotations of ours of which half of the name is right: any other is somebody else's."""
    for key, node in annotations.entries.items():
        prefix, _, word = key.rpartition("/")
        meant = _meant(prefix, word)
        if meant is not None and meant != key and meant not in annotations.entries:
            yield Problem(node.key or node.place, f"unknown key `{shown(key)}`", f"did you mean `{meant}`?")


def _meant(prefix: str, word: str) -> str | None:
    if prefix == _PREFIX:
        found = near(word, _WORDS)
        return f"{_PREFIX}/{found}" if found is not None else None
    return f"{_PREFIX}/{word}" if word in _WORDS and near(prefix, [_PREFIX]) else None


def _patched(before: ScoreDocument, document: Node, overrides: Node) -> ScoreDocument:
    patched, problems = merge.overlaid(document, overrides)
    old, new = name_of(document), name_of(overrides)
    if old is not None and new is not None and old.value != new.value:
        what = f"the overrides change the name of workload `{old.value}`"
        problems.append(Problem(new.place, what, "remove `metadata.name`"))
    after = _read(patched)
    return ScoreDocument(
        after.document,
        (*before.warnings, *after.warnings),
        (*before.problems, *problems, *islice(_misspelt(overrides), MOST), *after.problems),
        before.is_whole and after.is_whole,
    )
