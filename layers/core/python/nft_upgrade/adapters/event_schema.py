"""A record's value as an event, held against the JSON Schema that consumers elsewhere get."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import SCHEMA_VERSION, from_record

_FOLDER = Path(__file__).parent.parent / "schemas"


@cache
def schema() -> dict[str, Any]:
    """The schema of the version we write."""
    path = _FOLDER / f"upgrade-event.v{SCHEMA_VERSION}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@cache
def _validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())


def read_event(value: bytes) -> UpgradeEvent:
    """ValueError, naming the member at fault, when the value is no event of this version."""
    facts = json.loads(value)
    if fault := best_match(_validator().iter_errors(facts)):
        raise ValueError(f"{fault.json_path}: {fault.message}")
    return from_record(value)
