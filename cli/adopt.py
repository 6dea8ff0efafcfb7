"""How does an environment take over what exists? `lockstep adopt`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cli import client, opened
from cli.exits import Exit, Stop
from cli.opened import Keys, Wishes
from controller.secrets import age

# An address may have keys in it, and a key anything.
_IMPORT = re.compile(r'((?:[^=\["]|\["(?:[^"\\]|\\.)*"\]|\[\d+\])+)=(.+)')


@click.command(name="adopt")
@click.argument("project")
@click.argument("environment")
@click.option("--uuid", metavar="U", help="Take this identity, and with it the state that the storage has under it.")
@click.option(
    "--state",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Put this state where the environment's belongs; it is sealed on the way.",
)
@click.option("--import", "imports", multiple=True, metavar="ADDRESS=ID", help="Import a thing that no state knows.")
@click.option(
    "--imports",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with a line ADDRESS=ID for each of them.",
)
@click.option("--forget", is_flag=True, help="Take nothing over any more that was not taken over yet.")
@opened.waiting
def command(
    project: str,
    environment: str,
    uuid: str | None,
    state: Path | None,
    imports: tuple[str, ...],
    listed: Path | None,
    forget: bool,
    **wishes: Any,
) -> int:
    """Let an ENVIRONMENT take over what exists: what Git wants is planned against that.

    A plan that changes nothing of it goes on by itself. Any other waits for approval, and so does that of every later
    commit, until one has succeeded or --forget is said.
    """
    asked, slug = Wishes(**wishes), f"{project}/{environment}"
    if forget and (uuid or state or imports or listed):
        raise Stop(Exit.USAGE, "--forget takes nothing over; leave out --uuid, --state and imports")
    body: dict[str, Any] = {"reason": asked.reason}
    if forget:
        with client.connect() as server:
            server.post("environments", project, environment, "adopt", body=body | {"forget": True})
        click.echo(f"{slug} takes nothing over", err=True)
        return Exit.DONE
    lines = listed.read_text().splitlines() if listed else []
    body |= {"uuid": uuid, "state": _text(state), "imports": _read([*lines, *imports])}
    with client.connect() as server:
        row = server.post("environments", project, environment, "adopt", body=body)["deployment"]
        return opened.see(server, row, Keys(None, age.generate()), asked)


def _text(state: Path | None) -> str | None:
    if state is None:
        return None
    try:
        return state.read_text(encoding="utf-8")
    except UnicodeDecodeError as e:
        raise Stop(Exit.INVALID, f"{state}: this is no state; give what the engine's `state pull` prints") from e


def _read(given: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in map(str.strip, given):
        if not line or line.startswith("#"):
            continue
        read = _IMPORT.fullmatch(line)
        if read is None:
            raise Stop(Exit.USAGE, f"`{line}` is no import; write ADDRESS=ID")
        address, id = read[1].strip(), read[2].strip()
        if found.setdefault(address, id) != id:
            raise Stop(Exit.USAGE, f"`{address}` is to be imported twice, as `{found[address]}` and `{id}`; keep one")
    return found
