"""In which form are the documents and files of a deployment kept?"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping

from controller.history.opening import Part
from controller.model.document import Json
from controller.secrets.sealing import Sealer

MANIFEST = "manifest"
DESIRED = "desired"  # the canonical text
MODULES = "modules"  # sealed: content id -> path -> content of every local module
GUARDS = "guards"
RUNNER = "runner"  # sealed: what the runner's file says, values of variables among it
KEPT = "kept"  # of the bundle: removed nodes that had to stay once more
PLAN = "plan"  # sealed: the engine's plan file
SUMMARY = "summary"
DIAGNOSTICS = "diagnostics"
METADATA = "metadata"
ORPHANS = "orphans"  # addresses that an interrupted apply may have made, unknown to the state
STATE = "state"  # serial and lineage of a local state when an apply had ended
UNFINISHED = "unfinished"  # addresses that the state knows, and whose provisioners may not have come to their end
IMPORTS = "imports"  # sealed: the ids of those of them that are known, by address
UNSAVED = "unsaved"  # sealed: the state that could not be saved at the end of an apply
PUT_BACK = "put_back"  # which deployment has put that state where it belongs
RUNNER_BEFORE = "runner_before"  # sealed: the same of the runner that an environment is moved away from
MOVED = "moved"  # sealed: the state that is moved
SUMMARY_AFTER = "summary_after"  # of the plan that was made where it was moved to
CONFIG = "config"

Files = Mapping[str, Mapping[str, bytes]]


def document(value: Json) -> Part:
    return Part.public(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def read(part: Part) -> Json:
    return json.loads(part.content)


def sealed_document(sealer: Sealer, value: Json) -> Part:
    """A document that may hold secrets: not even a digest of it is kept."""
    return Part.closed(sealer.seal(json.dumps(value, sort_keys=True).encode()))


def read_sealed(sealer: Sealer, part: Part) -> Json:
    return json.loads(sealer.open(part.content))


def files(sealer: Sealer, trees: Files) -> Part:
    """Module trees. Their digest tells nothing: they are in Git."""
    listing = {
        id: {path: base64.b64encode(content).decode() for path, content in sorted(tree.items())}
        for id, tree in sorted(trees.items())
    }
    plain = json.dumps(listing, sort_keys=True).encode()
    return Part.closed(sealer.seal(zlib.compress(plain)), plain)


def read_files(sealer: Sealer, part: Part) -> dict[str, dict[str, bytes]]:
    listing = json.loads(zlib.decompress(sealer.open(part.content)))
    return {id: {path: base64.b64decode(content) for path, content in tree.items()} for id, tree in listing.items()}
