"""The operators' API: an application of its own, so that its function holds grants of its own."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from nft_upgrade.http import routes_ops
from nft_upgrade.http.body import StrictJson
from nft_upgrade.http.edge import Edge
from nft_upgrade.http.ops_calls import OpsParts
from nft_upgrade.http.validation import answer_http_exception, answer_validation_error

PREFIX = routes_ops.router.prefix + "/"


def create_ops_app(parts: OpsParts) -> FastAPI:
    """The application over the given parts. It answers no other origin: there is no CORS."""
    app = FastAPI(
        title="NFT upgrade: operators",
        version="1.0.0",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.parts = parts
    app.include_router(routes_ops.router)
    app.add_exception_handler(RequestValidationError, answer_validation_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_middleware(StrictJson, origins=frozenset(parts.origins))
    app.add_middleware(Edge, ids=parts.ids)
    return app
