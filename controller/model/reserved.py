"""Which names does the engine keep for itself?"""

from __future__ import annotations

# Arguments of a `module` block.
INPUTS = frozenset({"count", "depends_on", "for_each", "lifecycle", "providers", "source", "version"})
# Names that no variable may have.
VARIABLES = INPUTS | {"locals"}
# Arguments of a `provider` block; `alias` and `version` we set ourselves, the latter by the constraint.
PROVIDER_ARGUMENTS = INPUTS - {"providers"} | {"alias", "locals", "provisioner"}
