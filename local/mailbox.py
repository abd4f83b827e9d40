"""`python -m local.mailbox [--aws URL]`: the mails and pushes that the running stack has sent."""

import argparse
import sys
from typing import Any

import httpx

from local.settings import MAILBOX_PATH


def messages(aws: str) -> list[dict[str, Any]]:
    """Oldest first; httpx.HTTPError when nothing answers there."""
    found: list[dict[str, Any]] = (
        httpx.get(aws + MAILBOX_PATH).raise_for_status().json()["messages"]
    )
    return found


def shown(message: dict[str, Any]) -> str:
    """One message for a terminal."""
    lines = [f"{message['kind']} to {message['to']}"]
    lines += [f"{name}: {value}" for name, value in message.get("headers", {}).items()]
    lines += [f"Subject: {message['subject']}"] if "subject" in message else []
    return "\n".join([*lines, "", message["text"], "-" * 72])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.mailbox", description=__doc__)
    parser.add_argument("--aws", default="http://localhost:4566", help="the AWS emulator's URL")
    found = messages(parser.parse_args().aws)
    sys.stdout.write("".join(f"{shown(message)}\n" for message in found) or "No messages yet.\n")


if __name__ == "__main__":
    main()
