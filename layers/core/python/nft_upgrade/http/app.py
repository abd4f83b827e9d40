"""The API as one ASGI application: the same behind Lambda and behind uvicorn."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from nft_upgrade.http import (
    routes_atomic,
    routes_auth,
    routes_claims,
    routes_nfts,
    routes_notifications,
    routes_open,
    routes_receipts,
    routes_session,
    routes_stats,
    routes_upgrades,
)
from nft_upgrade.http.body import StrictJson
from nft_upgrade.http.edge import Edge
from nft_upgrade.http.openapi import describe
from nft_upgrade.http.parts import ApiParts
from nft_upgrade.http.reference import POLICY, page
from nft_upgrade.http.validation import answer_http_exception, answer_validation_error

DESCRIPTION = (
    "Burn a level-N NFT on Solana, receive level N+1. Errors are `application/problem+json`; "
    "`code` is what a program decides by."
)


def create_app(parts: ApiParts) -> FastAPI:
    """The application over the given parts. ValueError when every origin would be allowed."""
    if "*" in parts.origins:
        raise ValueError("allowed_origins must name each origin: sessions are credentials")
    # A redirect for a trailing slash would be built from the Host header, which clients write.
    app = FastAPI(
        title="NFT upgrade",
        version="1.0.0",
        description=DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    for routes in (
        routes_open,
        routes_auth,
        routes_session,
        routes_nfts,
        routes_claims,
        routes_atomic,
        routes_upgrades,
        routes_stats,
        routes_receipts,
        routes_notifications,
    ):
        app.include_router(routes.router)
    app.add_exception_handler(RequestValidationError, answer_validation_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    _add_layers(app, parts)
    _describe_itself(app, parts.settings.public_origin)
    return app


def _add_layers(app: FastAPI, parts: ApiParts) -> None:
    """The last one added is the outermost."""
    app.add_middleware(StrictJson, origins=frozenset(parts.origins))
    app.add_middleware(Edge, ids=parts.ids)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=parts.settings.allowed_origins,
        allow_credentials=True,
        allow_methods=("GET", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"),
        expose_headers=("Location", "Retry-After", "X-Request-Id"),
    )


def _describe_itself(app: FastAPI, public_origin: str) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app, public_origin)
        return app.openapi_schema

    def read() -> HTMLResponse:
        return HTMLResponse(page(document()), headers={"content-security-policy": POLICY})

    app.openapi = document  # type: ignore[method-assign]
    app.add_api_route("/docs", read, include_in_schema=False)
