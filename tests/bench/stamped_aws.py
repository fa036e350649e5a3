"""moto's server as a process of its own that says on standard output when a key became inactive."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from moto.iam.models import User
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

#: Asked over HTTP: how many calls have been answered since the start.
CALLS = "/bench/calls"


def main(port: int) -> None:
    """Serve until killed; each line on standard output is `<access key id> <nanoseconds since the epoch>`."""
    set_status = User.update_access_key

    def stamped(user: Any, access_key_id: str, status: str | None = None) -> Any:
        key = set_status(user, access_key_id, status)
        # At the moment the emulated world has changed: not when the caller hears of it.
        if status == "Inactive":
            sys.stdout.write(f"{access_key_id} {time.time_ns()}\n")
            sys.stdout.flush()
        return key

    setattr(User, "update_access_key", stamped)  # noqa: B010  the one change to the emulator
    moto = DomainDispatcherApplication(create_backend_app)
    answered, last = count(1), 0

    def counted(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal last
        if environ["PATH_INFO"] == CALLS:
            start("200 OK", [("content-type", "text/plain")])
            return [str(last).encode()]
        last = next(answered)
        answer: Iterable[bytes] = moto(environ, start)
        return answer

    run_simple("127.0.0.1", port, counted, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]))
