"""What did the engine say? `lockstep logs` fetches a deployment's log and decrypts it here."""

from __future__ import annotations

from pathlib import Path

import click

from cli import client, decrypt, keys, output


@click.command(name="logs")
@click.argument("deployment")
@keys.options
@click.option("--follow", is_flag=True, help="Go on until the deployment has ended.")
def command(deployment: str, key: str | None, key_file: Path | None, follow: bool) -> None:
    """Print the log of a DEPLOYMENT, decrypted here."""
    secret = keys.find(key, key_file, f"lockstep logs {deployment}")
    with client.connect(client.WAITING if follow else client.PATIENCE) as server:
        full = server.get("deployments", deployment)["id"]
        for text in decrypt.read_log(server, full, secret, follow=follow):
            output.say(text, err=False, nl=False)
