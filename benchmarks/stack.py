"""The local stack as a user meets it: ready after, and one upgrade, start to end."""


def main() -> None:
    """Later."""
