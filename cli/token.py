"""Who may use the server? `lockstep token` makes, lists and revokes tokens."""

from __future__ import annotations

import click

from cli import client, output
from controller.model.deployment import Role


@click.group(name="token")
def command() -> None:
    """Make, list and revoke tokens for the API, the page and this command line."""


@command.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.VIEWER.value,
    help="What its holder may do, viewer by default.",
)
@click.option("--project", "projects", multiple=True, help="Good for this project only; may be given several times.")
@click.option(
    "--expires-in-days", type=click.IntRange(1, 3660), help="How long it is good for; without this until it is revoked."
)
@output.format_option("table", "json", "yaml")
def create(name: str, role: str, projects: tuple[str, ...], expires_in_days: int | None, form: str) -> None:
    """Make a token called NAME and print its secret, this once."""
    body = {"name": name, "role": role, "projects": list(projects) or None, "expires_in_days": expires_in_days}
    with client.connect() as server:
        made = server.post("tokens", body=body)
    if form == "table":
        click.echo(made["secret"])
        click.echo(f"token `{name}` ({role}) is made; its secret above is not shown again", err=True)
    else:
        output.show(made, form)


@command.command(name="list")
@output.format_option("table", "json", "yaml")
def list_(form: str) -> None:
    """List all tokens, without their secrets."""
    with client.connect() as server:
        page = server.get("tokens")
    if form != "table":
        output.show(page, form)
        return
    output.table(
        page["items"],
        {
            "NAME": lambda row: row["name"],
            "ROLE": lambda row: row["role"],
            "PROJECTS": lambda row: "all" if row["projects"] is None else ", ".join(row["projects"]),
            "CREATED": lambda row: row["created_at"],
            "EXPIRES": lambda row: row["expires_at"],
            "REVOKED": lambda row: row["revoked_at"],
        },
    )


@command.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the token called NAME: from now on it is refused."""
    with client.connect() as server:
        server.delete("tokens", name)
    click.echo(f"token `{name}` is revoked", err=True)
