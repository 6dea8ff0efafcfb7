"""What did a deployment give? `lockstep outputs` fetches its outputs and decrypts them here."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli import client, decrypt, keys, output


@click.command(name="outputs")
@click.argument("deployment")
@keys.options
@output.format_option("json", "yaml")
def command(deployment: str, key: str | None, key_file: Path | None, form: str) -> None:
    """Print the outputs of a DEPLOYMENT, decrypted here."""
    secret = keys.find(key, key_file, f"lockstep outputs {deployment}")
    with client.connect() as server:
        content = decrypt.read_outputs(server, deployment, secret)
    output.show(json.loads(content), form)
