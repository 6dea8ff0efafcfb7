"""How may ids and other short texts of the platform be written?"""

from __future__ import annotations

from controller.manifest.schema import Spelling, slug

MODULE = slug("module id")
PROJECT = slug("project id")
PROVIDER_RULE = "use 2 to 100 lower-case letters, digits, `_` and `-`, beginning with a letter"
PROVIDER_TYPE = Spelling("provider type", r"[a-z][a-z0-9_-]+", PROVIDER_RULE, 100)
PROVIDER = Spelling("provider id", r"[a-z][a-z0-9_-]+", PROVIDER_RULE, 100)
RUNNER = Spelling("runner id", r"[a-z][a-z0-9_-]+", PROVIDER_RULE, 100)
PROVIDER_NAME = Spelling(
    "name of a provider",
    r"[a-z][a-z0-9_-]+\.[a-z][a-z0-9_-]+",
    "write `TYPE.ID`, the type and the id of a provider",
    201,
)
LOCAL_NAME = Spelling(
    "local name of a provider",
    r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)?",
    "use the name by which the module's code calls the provider, with `.ALIAS` for one of its `configuration_aliases`",
)
INPUT = Spelling(
    "name of a module's input", r"[A-Za-z][A-Za-z0-9_-]*", "use letters, digits, `_` and `-`, beginning with a letter"
)
ARGUMENT = Spelling(
    "name of an argument",
    r"[A-Za-z_][A-Za-z0-9_-]*(?:\\?\[[0-9]+\])?",
    "use letters, digits, `_` and `-`; `[0]`, `[1]` after it make nested blocks",
)
DEPENDENCY = Spelling("alias of a dependency", r"[A-Za-z0-9_-]+", "use letters, digits, `_` and `-`")
# All but control characters and what separates words, lines and paragraphs.
_PRINTED = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
DISPLAY_NAME = Spelling(
    "display name",
    rf"{_PRINTED}(?: ?{_PRINTED})+",
    "use 2 to 60 printable characters, with single spaces inside",
    60,
)

# Of a dependency: `@` stands for the class or id of the resource whose module asks.
_DOTTED = r"[a-z0-9@]+(?:-+[a-z0-9@]+)*"
ASKED_CLASS = Spelling(
    "class of a dependency",
    r"@|[A-Za-z0-9@][A-Za-z0-9@-]{0,61}[A-Za-z0-9@]",
    "use 2 to 63 letters, digits and `-`, or `@` for the class of the resource that asks",
)
ASKED_ID = Spelling(
    "id of a dependency",
    rf"{_DOTTED}(?:\.{_DOTTED})*",
    "use up to 63 lower-case letters, digits, `-` and `.`, and `@` for the id of the resource that asks",
    63,
)

PROVIDER_SOURCE = Spelling(
    "provider source",
    r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?/)?[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9_-]*",
    "write `NAMESPACE/TYPE`, with `HOST/` before it where it is not the engine's registry",
    200,
)
_VERSION = r"[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_CONSTRAINT = rf"(?:=|!=|>=|<=|~>|>|<)? *{_VERSION}"
VERSION_CONSTRAINT = Spelling(
    "version constraint",
    rf" *{_CONSTRAINT} *(?:, *{_CONSTRAINT} *)*",
    "write `=`, `!=`, `>`, `>=`, `<`, `<=` or `~>` and a version, several of them with commas, like `>= 5.0, < 6.0`",
    200,  # blanks may stand in many ways: a longer one would take long to refuse
)
VARIABLE = Spelling(
    "name of an environment variable", r"[A-Za-z_][A-Za-z0-9_-]*", "use letters, digits and `_`, no digit first"
)
ENV_FILE = Spelling(
    "name of an environment file",
    r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "name a file in the folder that the controller's setting `runner_env_dir` names; a path is not taken",
    255,
)
