"""What did an apply do? Outputs and metadata of one that ended, and how far one came that was cut short."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from controller.model.deployment import Mode
from controller.model.document import Json
from controller.runner import durable, journal, protocol, sensitive
from controller.runner.protocol import Phase
from controller.runner.session import Session
from controller.secrets import age
from controller.tofu.names import METADATA, workload_of


def keep_outputs(session: Session) -> tuple[str, ...]:
    """Encrypt the outputs of workloads to their recipients, keep the metadata; what could not be is said."""
    if session.job.mode is Mode.DESTROY:
        return ()
    _, document = session.document("output", "output", "-json", last_words=True)
    if not isinstance(document, dict):
        return (f"outputs and metadata could not be read; {session.see_log('details')}",)
    opened = durable.read_json(session.directory / protocol.OPEN)
    session.mask = session.mask.joined(sensitive.in_outputs(document, opened if isinstance(opened, dict) else None))
    values = {name: output.get("value") for name, output in document.items() if isinstance(output, dict)}
    metadata = values.pop(METADATA, None)
    _keep_workloads(session, {workload_of(name): value for name, value in values.items()})
    if not isinstance(metadata, dict):
        return ()
    if document[METADATA].get("sensitive"):
        return ("metadata is not shown: a module gave a sensitive value as metadata",)
    # Keys are coordinates, ours; what modules said stands below them.
    masked = {node: session.mask.everywhere(said) for node, said in metadata.items()}
    durable.persist(partial(durable.write_json, session.directory / protocol.METADATA, masked))
    return ()


def learn_from_state(session: Session, path: Path | None = None) -> None:
    """Let the mask cover what is sensitive in the state: a provider may quote any of it in a diagnostic.

    `path`: of a state that could not be saved, which knows more.
    """
    named = (str(path),) if path else ()
    _, document = session.document("show", "show", "-json", *named, last_words=True)
    session.knows_secrets = isinstance(document, dict)
    if isinstance(document, dict):
        session.mask = session.mask.joined(sensitive.in_show(document))


def learn_from_plan(session: Session, show: Mapping[str, Any]) -> None:
    durable.replace(session.directory / protocol.OPEN, json.dumps(sensitive.open_keys(show)).encode())
    session.mask = session.mask.joined(sensitive.in_show(show))


def is_done(session: Session) -> bool:
    """Whether a plan made now would be empty: then an apply that nobody heard the end of has come to it."""
    arguments = ["-input=false", "-json", "-detailed-exitcode", "-refresh=false", "-lock=false"]
    if session.job.mode is Mode.DESTROY:
        arguments.append("-destroy")
    held = list(session.held)
    finished = session.step("check", "plan", *arguments, last_words=True)
    session.held[:] = held
    return finished.code == 0


def events(session: Session) -> list[Json]:
    """What became known of this apply so far, by this supervisor or one before it."""
    known = journal.read_events(session.directory, 0)
    starts = [index for index, event in enumerate(known) if _begins_apply(event)]
    return list(known[starts[-1] :]) if starts else []


def _keep_workloads(session: Session, outputs: Mapping[str, Json]) -> None:
    if session.job.output_recipients:
        content = json.dumps(outputs, sort_keys=True).encode()
        encrypted = age.encrypt(content, session.job.output_recipients)
        durable.persist(partial(durable.write, session.directory / protocol.OUTPUTS, encrypted))


def _begins_apply(event: Mapping[str, Json]) -> bool:
    return bool(event["type"] == "phase_started" and event["phase"] == Phase.APPLY)
