"""`python -m local.gateway`: the one public origin, as CloudFront is on AWS.

`/api/nft/upgrade/{id}/events` goes to the relay and streams through without a buffer; `/local/*`
is answered here (faucet, addresses); `/` is a page of links; everything else goes to the API.
"""

import re
from dataclasses import MISSING, dataclass, fields
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.faucet import AddressProblem, Faucet, FaucetEmpty, read_address
from local.forwarding import Upstream, problem
from local.serving import port_parser, serve

STREAM_PATH = re.compile(r"/api/nft/upgrade/[^/]+/events")
API_PATHS = ("/api/", "/.well-known/", "/openapi.json", "/docs")
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


def create_gateway(addresses: Addresses, faucet: Faucet) -> Starlette:
    """The origin as an ASGI application."""
    api, relay = Upstream(addresses.api), Upstream(addresses.relay)

    async def forward(request: Request) -> Response:
        path = request.url.path
        if STREAM_PATH.fullmatch(path):
            return await relay.stream(request)
        if path.startswith(API_PATHS):
            return await api.pass_on(request)
        return problem(404, "not_found", f"Nothing is at {path}.")

    async def give(request: Request) -> Response:
        return await _give(faucet, await request.body())

    async def tell_addresses(request: Request) -> Response:
        return JSONResponse(_public(addresses))

    async def index(request: Request) -> Response:
        return HTMLResponse(INDEX_PAGE)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/local/faucet", give, methods=["POST"]),
            Route("/local/addresses", tell_addresses),
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


INDEX_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>NFT upgrade, on this machine</title>
<h1>NFT upgrade, on this machine</h1>
<ul>
<li><a href="/docs">The API</a> and <a href="/openapi.json">its OpenAPI document</a></li>
<li><a href="/api/nft/upgrade/health">Health</a></li>
<li><a href="/.well-known/jwks.json">Public keys of the sessions</a></li>
<li><a href="/local/addresses">Addresses of the other parts</a></li>
<li><code>POST /local/faucet {"address": ...}</code>: SOL and a level-1 NFT, once per wallet</li>
</ul>
</html>
"""


def main() -> None:
    parser = port_parser(__doc__)
    for field in fields(Addresses):
        parser.add_argument(f"--{field.name}", required=field.default is MISSING, default="")
    options = vars(parser.parse_args())
    port = options.pop("port")
    addresses = Addresses(**options)
    serve(create_gateway(addresses, Faucet(addresses.solana)), port)


if __name__ == "__main__":
    main()
