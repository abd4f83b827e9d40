"""What the page's developer drawer orders besides the chain's faults: the mailbox, a dead relay.

The chain's faults are the node's own controls (local/solana/controls.py), which the page may call.
"""

import os
from collections.abc import Callable

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.forwarding import problem
from local.process import KILL_RELAY
from local.settings import MAILBOX_PATH


def ask_supervisor() -> None:
    """The supervisor is our parent: a part dies with it."""
    os.kill(os.getppid(), KILL_RELAY)


def developer_routes(aws: str, kill_relay: Callable[[], None] | None) -> list[Route]:
    """`/local/mailbox` and `/local/relay/kill`; without a supervisor the second is not there."""

    async def mailbox(request: Request) -> Response:
        return await _messages(aws)

    async def kill(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            # A page of another origin can send everything else without being asked first.
            return problem(415, "unsupported_media_type", "An order is declared as JSON.")
        if kill_relay is None:
            return problem(404, "not_found", "Nobody here could start the relay again.")
        kill_relay()
        return JSONResponse({"success": True}, 202)

    return [
        Route("/local/mailbox", mailbox),
        Route("/local/relay/kill", kill, methods=["POST"]),
    ]


async def _messages(aws: str) -> Response:
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(aws + MAILBOX_PATH)
    except httpx.TransportError:
        return problem(502, "part_unavailable", "This part restarts; ask again.", retry_after=1)
    return JSONResponse(answer.json(), headers={"Cache-Control": "no-store"})
