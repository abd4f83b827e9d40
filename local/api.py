"""`python -m local.api`: the API's doors on this machine, uvicorn instead of Mangum.

Users' and operators' API are one process here. On AWS they are two functions with grants of their
own; here nothing is granted to anybody.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from local.serving import port_parser, serve


def both(users: ASGIApp, operators: ASGIApp, prefix: str) -> ASGIApp:
    """What begins with `prefix` is the operators'."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        is_operators = scope["type"] == "http" and scope["path"].startswith(prefix)
        await (operators if is_operators else users)(scope, receive, send)

    return door


def main() -> None:
    options = port_parser(__doc__).parse_args()
    from nft_upgrade import wiring, wiring_ops
    from nft_upgrade.http.ops_app import PREFIX

    serve(both(wiring.api_app(), wiring_ops.ops_app(), PREFIX), options.port)


if __name__ == "__main__":
    main()
