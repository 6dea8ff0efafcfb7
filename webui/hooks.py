"""Where do forges say that something has moved? One address per connection; the answer is given after one insert."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from controller.deployments.doors import Connection, Doors
from controller.errors import ManifestError, NotAllowedError, NotFoundError, RetryableError, suggest
from controller.forge import webhook
from controller.forge.webhook import Delivery, Hint
from controller.history import deliveries
from controller.history.deliveries import Received
from webui import access
from webui.access import UnknownCallerError

_JSON = "application/json"
_PAUSE = 1.0  # seconds between two notes of refused deliveries: nobody fills the database without a secret


def blueprint(doors: Doors) -> Blueprint:
    made = Blueprint("hooks", __name__, url_prefix="/hooks")
    refusals = _Refusals(doors)

    @made.post("/<id>")
    def deliver(id: str) -> Response:
        connection = _connection(doors, id)
        if request.mimetype != _JSON:
            raise UnsupportedMediaType(
                f"deliveries are read as `{_JSON}`, not `{request.mimetype or 'nothing'}`; choose JSON in the webhook"
            )
        request.max_content_length = webhook.LARGEST
        delivery = Delivery({name.lower(): value for name, value in request.headers.items()}, request.get_data())
        try:
            hint = _read(doors, connection, delivery)
        except NotAllowedError as e:
            refusals.note(connection, str(e))
            raise UnknownCallerError(str(e)) from e
        except ManifestError as e:
            # Nobody's fault who delivers, and where our secrets are is for us alone; forges try again, and go on.
            refusals.note(connection, str(e))
            raise RetryableError(
                f"the secret of connection `{connection.id}` cannot be read now; the system page of the controller "
                "says why, and the repository is polled all the same"
            ) from e
        return _noted(doors, connection, hint)

    return made


@dataclass(slots=True)
class _Refusals:
    """Notes of what was not from the forge; most of very many are counted nowhere."""

    doors: Doors
    last: dict[str, float] = field(default_factory=dict)  # when each connection's was noted

    def note(self, connection: Connection, why: str) -> None:
        now = time.monotonic()
        if now - self.last.get(connection.id, -_PAUSE) >= _PAUSE:
            self.last[connection.id] = now
            deliveries.refuse(self.doors.store, connection.id, why, access.origin(request), self.doors.now())


def _connection(doors: Doors, id: str) -> Connection:
    found = doors.connections.get(id)
    if found is None:
        remedy = suggest(id, doors.connections, "deliver to `/hooks/` and the id of a connection in the settings")
        raise NotFoundError(f"connection `{id}` does not exist; {remedy}")
    if found.webhook is None:
        raise NotFoundError(
            f"connection `{id}` takes no deliveries; set its `forge` and `webhook_secret_env` (or `…_file`) in the "
            "settings; without them it is polled"
        )
    return found


def _read(doors: Doors, connection: Connection, delivery: Delivery) -> Hint:
    if connection.webhook is None:
        raise LookupError(connection.id)
    return webhook.read(connection.webhook.forge, connection.webhook.secrets(), delivery, doors.now())


def _noted(doors: Doors, connection: Connection, hint: Hint) -> Response:
    said = f"{connection.url} is asked" if hint.moves else "nothing can have moved"
    if hint.refs:
        said += f" ({', '.join(hint.refs)})"
    received = Received(connection.id, hint.id, hint.event, said, access.origin(request), hint.moves)
    if deliveries.accept(doors.store, received, doors.now()):
        return Response(f"noted: {said}\n", status=202, mimetype="text/plain")
    return Response("noted before\n", status=200, mimetype="text/plain")
