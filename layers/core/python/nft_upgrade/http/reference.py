"""`/docs`: the OpenAPI document as a page to read, without a script.

It lies at the origin that sessions belong to, where no other host's script may run; so it is not
the console that FastAPI takes from a CDN. It needs no network and carries its own policy.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark;overflow-wrap:anywhere}"
    "h2{margin-top:3rem}h3{font-size:1.05rem;margin:2rem 0 0}code,pre{font-size:.9em}"
    "pre{overflow:auto;white-space:pre-wrap}dt{font-weight:600;margin-top:.5rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
BEARER_OR_COOKIE = "Needs a session (bearer token or cookie)."


def page(document: Mapping[str, Any]) -> str:
    """HTML; `document` is OpenAPI 3.1."""
    title = escape(document["info"]["title"])
    body = "".join((*_paths(document["paths"]), *_schemas(document["components"]["schemas"])))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{escape(document['info'].get('description', ''))}</p>"
        f'<p>For programs: <a href="/openapi.json">/openapi.json</a></p>{body}</body></html>'
    )


def _paths(paths: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Routes</h2>"
    for path, operations in paths.items():
        for method, operation in operations.items():
            yield from _operation(method.upper(), path, operation)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h3><code>{method} {escape(path)}</code></h3>"
    yield f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
    if {} not in operation.get("security", [{}]):
        yield f"<p>{BEARER_OR_COOKIE}</p>"
    yield "<dl>"
    for parameter in operation.get("parameters", []):
        name, place = escape(parameter["name"]), escape(parameter["in"])
        yield f"<dt><code>{name}</code> ({place})</dt>"
        yield f"<dd>{_shape(parameter['schema'])} {escape(parameter.get('description', ''))}</dd>"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<dt>Body, {escape(media)}</dt><dd>{_shape(content['schema'])}</dd>"
    for status, response in operation["responses"].items():
        yield f"<dt>{escape(status)}</dt><dd>{escape(response['description'])}"
        for content in response.get("content", {}).values():
            yield f" {_shape(content.get('schema', {}))} {_codes(content)}"
        yield "</dd>"
    yield "</dl>"


def _codes(content: Mapping[str, Any]) -> str:
    """Of the errors with that status, each of which has an example."""
    return ", ".join(f"<code>{escape(code)}</code>" for code in content.get("examples", {}))


def _schemas(schemas: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Shapes</h2>"
    for name, schema in schemas.items():
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3><pre>{escape(text)}</pre>'


def _shape(schema: Mapping[str, Any]) -> str:
    """The name of a shape as a link, else the schema itself."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    return f"<code>{escape(json.dumps(schema, ensure_ascii=False))}</code>" if schema else ""
