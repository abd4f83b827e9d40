"""An ASGI application served by uvicorn as a part of the local stack."""

import argparse
import socket
from typing import Any

import uvicorn

from local.process import READY
from local.settings import LOOPBACK


class _Server(uvicorn.Server):
    """Says where it answers, in the words the supervisor waits for."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            print(f"{READY}http://{LOOPBACK}:{sockets[0].getsockname()[1]}", flush=True)


def serve(app: Any, port: int) -> None:
    """Serve until SIGTERM or SIGINT; open streams are cut after a second."""
    config = uvicorn.Config(
        app,
        lifespan="auto",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who the client is, the application reads itself: uvicorn would believe any address that
        # a client writes into X-Forwarded-For, because every request comes from loopback here.
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    listener = socket.create_server((LOOPBACK, port), backlog=2048)
    _Server(config).run(sockets=[listener])


def port_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the one argument that every part takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    return parser
