"""For operators: dead letters listed and, after a fix, given to the consumers again."""

from typing import Any

from nft_upgrade import replay_dead_letters


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"replay": true, "drop": ["<letter id>"]}`; `{}` lists what is waiting."""
    return replay_dead_letters.answer(event)
