"""`python -m local.gateway`: the one public origin, as CloudFront is on AWS.

`/api/nft/upgrade/{id}/events` goes to the relay and streams through without a buffer, the API's
paths go to the API; `/local/*` (faucet, addresses, test operator) and the pages are answered here.
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.developer import ask_supervisor, developer_routes
from local.faucet import AddressProblem, Faucet, FaucetEmpty, read_address
from local.forwarding import Upstream, problem
from local.operator import OPERATOR, SEED
from local.pages import Pages
from local.serving import port_parser, serve
from local.squeezing import squeezed
from nft_upgrade.http.pages import API_PATHS

STREAM_PATH = re.compile(r"/api/nft/upgrade/[^/]+/events")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts are: URLs, and host:port for Kafka, whose version is named when it cannot be
    negotiated."""

    api: str
    relay: str
    solana: str
    aws: str
    kafka: str
    dynamodb: str
    kafka_version: str = ""


def create_gateway(
    addresses: Addresses, faucet: Faucet, *, kill_relay: Callable[[], None] | None = None
) -> Starlette:
    """The origin as an ASGI application."""
    api, relay = Upstream(addresses.api), Upstream(addresses.relay)
    pages = Pages(_seen_by_browsers(addresses.solana))

    async def forward(request: Request) -> Response:
        path = request.url.path
        if STREAM_PATH.fullmatch(path):
            return await relay.stream(request)
        if path.startswith(API_PATHS):
            return await api.pass_on(request)
        if request.method not in ("GET", "HEAD"):
            return problem(405, "method_not_allowed", f"{path} is a page.")
        return squeezed(request, pages.answer(request))

    async def give(request: Request) -> Response:
        return await _give(faucet, await request.body())

    async def tell_addresses(request: Request) -> Response:
        return JSONResponse(_public(addresses))

    async def tell_operator(request: Request) -> Response:
        return JSONResponse({"address": OPERATOR, "seed": SEED.hex()})

    return Starlette(
        routes=[
            Route("/local/faucet", give, methods=["POST"]),
            Route("/local/addresses", tell_addresses),
            Route("/local/operator", tell_operator),
            *developer_routes(addresses.aws, kill_relay),
            Route("/{path:path}", forward, methods=METHODS),
        ]
    )


async def _give(faucet: Faucet, body: bytes) -> Response:
    try:
        gift = await faucet.give(read_address(body))
    except AddressProblem as refused:
        return problem(400, refused.code, str(refused))
    except FaucetEmpty as refused:
        return problem(refused.status, refused.code, str(refused), retry_after=refused.retry_after)
    return JSONResponse({"success": True, **gift.as_json()})


def _public(addresses: Addresses) -> dict[str, Any]:
    return {
        "solanaRpcUrl": addresses.solana,
        "solanaChainId": "solana:localnet",
        "awsEndpointUrl": addresses.aws,
        "dynamoDbEndpointUrl": addresses.dynamodb,
        "kafkaBootstrapServers": addresses.kafka,
        "kafkaApiVersion": addresses.kafka_version or None,
    }


def _seen_by_browsers(url: str) -> tuple[str, str]:
    """A part's origin under both names that this machine has."""
    return url, url.replace("127.0.0.1", "localhost")


def main() -> None:
    parser = port_parser(__doc__)
    for field in fields(Addresses):
        parser.add_argument(f"--{field.name}", required=field.default is MISSING, default="")
    parser.add_argument("--supervised", action="store_true", help="our parent heals the relay")
    options = vars(parser.parse_args())
    port, is_supervised = options.pop("port"), options.pop("supervised")
    addresses = Addresses(**options)
    kill_relay = ask_supervisor if is_supervised else None
    serve(create_gateway(addresses, Faucet(addresses.solana), kill_relay=kill_relay), port)


if __name__ == "__main__":
    main()
