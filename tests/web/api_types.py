"""The client's types of requests and answers, from the API's own description.

    .venv/bin/python -m tests.web.api_types     # writes web/client/api.d.ts

`test_api_types.py` fails while that file is not what the API would give now.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nft_upgrade.domain.errors import ErrorType
from nft_upgrade.domain.events import EventType
from nft_upgrade.http.problems import ROWS
from tests.http.house import House

FILE = Path(__file__).parents[2] / "web" / "client" / "api.d.ts"
HEAD = """\
// Generated from the API's OpenAPI document by tests/web/api_types.py. Do not edit.
"""
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
ABSTRACT = {"refused", "bad_request"}
"""Codes of error classes that are never answered themselves."""
Schema = Mapping[str, Any]


def types() -> str:
    """The whole file, as the API is now."""
    schemas: Mapping[str, Schema] = House().app.openapi()["components"]["schemas"]
    parts = [_declaration(name, schemas[name]) for name in sorted(schemas)]
    codes = {kind.code for kind in ROWS} - ABSTRACT
    unions = [
        _union("ProblemCode", "`code` of a problem.", sorted(codes)),
        _union("ErrorType", "`errorType` of a problem.", [each.value for each in ErrorType]),
        _union("EventType", "What happened to an upgrade.", [each.value for each in EventType]),
    ]
    return "\n".join([HEAD, *parts, *unions])


def _union(name: str, doc: str, values: list[str]) -> str:
    members = "".join(f'\n  | "{value}"' for value in values)
    return f"/** {doc} */\nexport type {name} ={members};\n"


def _declaration(name: str, schema: Schema) -> str:
    doc = "".join(_comment(schema, ""))
    if "properties" not in schema:
        return f"{doc}export type {name} = {_type(schema)};\n"
    is_sent = name.endswith("Request")
    members = "".join(_members(schema, is_sent=is_sent))
    return f"{doc}export interface {name} {{\n{members}}}\n"


def _members(schema: Schema, *, is_sent: bool) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, member in schema["properties"].items():
        # A default may be left out by who asks; answers always have it.
        is_there = name in required or ("default" in member and not is_sent)
        mark = "" if is_there else "?"
        yield from _comment(member, "  ")
        yield f"  {name}{mark}: {_type(member)};\n"


def _comment(schema: Schema, indent: str) -> Iterator[str]:
    text = schema.get("description")
    if text:
        yield f"{indent}/** {text.replace(chr(10), chr(10) + indent + ' * ')} */\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return " | ".join(map(_literal, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(map(_type, schema["anyOf"]))
    return _shape(schema)


def _shape(schema: Schema) -> str:
    match schema.get("type"):
        case "null":
            return "null"
        case "array":
            return f"Array<{_type(schema['items'])}>"
        case "object":
            return "Record<string, unknown>"
        case kind:
            return SCALARS[str(kind)]


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


if __name__ == "__main__":
    FILE.write_text(types(), encoding="utf-8")
