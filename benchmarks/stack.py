"""The local stack as a user meets it: ready after, and an upgrade from confirmation to completed."""


def main() -> None:
    """Later."""
