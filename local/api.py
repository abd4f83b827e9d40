"""`python -m local.api`: the API's door on this machine, uvicorn instead of Mangum."""

from local.serving import port_parser, serve


def main() -> None:
    options = port_parser(__doc__).parse_args()
    from nft_upgrade import wiring

    serve(wiring.api_app(), options.port)


if __name__ == "__main__":
    main()
