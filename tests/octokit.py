"""What GitHub really sends, and how somebody else signs it: packages of npm, installed once and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema

PACKAGES = {
    "@octokit/webhooks-examples": "7.6.1",
    "@octokit/webhooks-methods": "6.0.0",
    "@octokit/webhooks-schemas": "7.6.1",
}
KEPT = "octokit-" + "-".join(PACKAGES.values())  # the name of the folder: of other versions there is another one
_PATIENCE = 120.0
_SIGN = """
import { sign } from "@octokit/webhooks-methods";
let given = "";
for await (const part of process.stdin.setEncoding("utf8")) given += part;
const { secret, bodies } = JSON.parse(given);
console.log(JSON.stringify(await Promise.all(bodies.map((body) => sign(secret, body)))));
"""


class NotInstalledError(Exception):
    """Why these packages are not there."""


@dataclass(frozen=True)
class Octokit:
    """The packages below `folder`."""

    folder: Path

    @cached_property
    def examples(self) -> Mapping[str, Sequence[dict[str, Any]]]:
        """Event -> payloads, as github.com sends them."""
        index = json.loads((self._package("webhooks-examples") / "api.github.com" / "index.json").read_text())
        return {event["name"]: event["examples"] for event in index}

    def faults(self, event: str, payload: Mapping[str, Any]) -> list[str]:
        """What GitHub's own schema says against a payload of this event."""
        name = next(filter(self._schema["definitions"].__contains__, self._names(event, payload)))
        checker = jsonschema.Draft7Validator(
            {"definitions": self._schema["definitions"], "$ref": f"#/definitions/{name}"}
        )
        return [f"{fault.json_path}: {fault.message}" for fault in checker.iter_errors(payload)]

    def sign(self, secret: str, bodies: Sequence[str]) -> list[str]:
        """Sign with GitHub's own implementation: all in one process, which takes its time to start."""
        command = ("node", "--input-type=module", "--eval", _SIGN)
        given = json.dumps({"secret": secret, "bodies": bodies}).encode()
        done = subprocess.run(command, cwd=self.folder, input=given, capture_output=True, check=True, timeout=_PATIENCE)
        signatures: list[str] = json.loads(done.stdout)
        return signatures

    @cached_property
    def _schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = json.loads((self._package("webhooks-schemas") / "schema.json").read_text())
        return schema

    def _names(self, event: str, payload: Mapping[str, Any]) -> Iterator[str]:
        yield f"{event}${payload.get('action', 'event')}"
        yield f"{event}_event"

    def _package(self, name: str) -> Path:
        return self.folder / "node_modules" / "@octokit" / name


def installed(cache: Path) -> Octokit:
    """The packages below `cache`, brought there by npm if they are not; NotInstalledError says why they cannot be."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotInstalledError(f"the program `{program}` is not installed")
    folder = cache / KEPT
    if not folder.exists():
        aside = cache / f"{KEPT}.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        _install(aside)
        aside.rename(folder)
    return Octokit(folder)


def _install(folder: Path) -> None:
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
    command = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as e:
        raise NotInstalledError(f"`npm install` was not done after {_PATIENCE:.0f} s") from e
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
        raise NotInstalledError(f"`npm install` failed: {said[0]}")
