"""How does a repository begin? `lockstep init` writes a small one that works."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from cli import output, schema
from cli.exits import Exit, Stop
from controller.errors import ConflictError, quoted

_SCHEMAS = "schemas"


@click.command(name="init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), default=Path())
def command(folder: Path) -> None:
    """Write a small repository that works into DIR, `.` by default; nothing that is there is changed."""
    files = dict(sorted(starter().items()))
    taken = [path for path in files if _is_taken(folder, path)]
    if taken:
        those = "is" if len(taken) == 1 else "are"
        raise ConflictError(
            f"{folder}: {quoted(taken)} {those} there already; move away what is there, or name another folder"
        )
    try:
        for path, text in files.items():
            _write(folder / path, text)
    except OSError as e:
        raise Stop(Exit.INVALID, f"{e.filename}: {e.strerror}; name a folder that can be written to") from e
    for path in files:
        click.echo(path)
    click.echo(_next_steps(folder), nl=False)


def starter() -> Mapping[str, str]:
    """The files of the repository: those beside this module, and the schemas that their first lines name."""
    files = dict(_texts(resources.files("cli") / "starter"))
    kinds = [kind for kind in schema.KINDS if any(f"{_SCHEMAS}/{kind}.json" in text for text in files.values())]
    return {**files, **{f"{_SCHEMAS}/{kind}.json": output.text(schema.schema(kind), "json") for kind in kinds}}


def _texts(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _texts(each, f"{path}{each.name}/")
        else:
            yield f"{path}{each.name}", each.read_text("utf-8")


def _is_taken(folder: Path, path: str) -> bool:
    """Whether something stands there, or where one of its folders would."""
    file = folder / path
    above = [each for each in file.parents if each != folder and each.is_relative_to(folder)]
    return file.exists() or any(each.is_symlink() or (each.exists() and not each.is_dir()) for each in (file, *above))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8", newline="\n") as opened:
        opened.write(text)


def _next_steps(folder: Path) -> str:
    is_repository = any((each / ".git").exists() for each in (folder.resolve(), *folder.resolve().parents))
    commit = "git add --all && git commit --message 'Begin with Lockstep'"
    steps = {
        **({} if folder == Path() else {f"cd {shlex.quote(str(folder))}": ""}),
        "lockstep validate": "silent when all is well",
        "lockstep graph hello development": "what would exist",
        commit if is_repository else f"git init --initial-branch main && {commit}": "",
        "lockstep serve --repo . --data-dir ../lockstep-data": "deploys it, and every commit after it",
    }
    width = max(len(step) for step, meaning in steps.items() if meaning)
    lines = (f"  {step:{width}}  # {meaning}" if meaning else f"  {step}" for step, meaning in steps.items())
    return "\n".join(["", "Next:", *lines, ""])
