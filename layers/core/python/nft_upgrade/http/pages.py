"""The web pages as every server of them must send them: folders, media types, security headers.

Read by the gateway on one machine and by what CDK makes of CloudFront and its bucket, so that a
page behaves alike in both. Standard library only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

API_PATHS = ("/api/", "/.well-known/", "/openapi.json", "/docs")
"""What begins like this is the API's; everything else is a page's."""

PAGES: Mapping[str, str] = {"": "demo", "client": "client", "ops": "ops"}
"""First part of the path -> folder under `web/`: `/`, `/client/`, `/ops/`."""

INDEX = "index.html"
CACHE_CONTROL = "no-cache"
"""Kept, but asked for again each time: a deployment is seen at once, without invalidation."""

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Nothing else under `web/` is served (types, README, sources of tests)."""

_UNSERVED = frozenset(("node_modules", "test", "tests", "examples", "e2e"))


def content_security_policy(connects: Iterable[str] = ()) -> str:
    """No script and no style but our own files. `connects`: origins of Solana RPC nodes that a
    page may send its transactions to, besides our own API."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "manifest-src 'self'",
            " ".join(("connect-src 'self'", *connects)),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def page_headers(connects: Iterable[str] = ()) -> dict[str, str]:
    """Headers of every page and of every file that one loads; HSTS is the TLS server's."""
    return {
        "content-security-policy": content_security_policy(connects),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def file_of(path: str) -> str | None:
    """The file under `web/` that a URL's path means, or None: `/ops/ops.js` -> `ops/ops.js`.

    Whether it exists is for the caller to find out; `..` and what is not for browsers is None.
    """
    first, slash, rest = path[1:].partition("/")
    if not (slash and first and first in PAGES):
        first, rest = "", path[1:]
    *folders, name = rest.split("/")
    parts = (*folders, name or INDEX)
    return "/".join((PAGES[first], *parts)) if _is_served(parts) else None


def needs_slash(path: str) -> bool:
    """`/ops`: the page's own relative links are right from `/ops/` only."""
    return path != "/" and path[1:] in PAGES


def page_files(web: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is served: the key under which a bucket keeps it (the URL's path without the
    first slash), and where it is."""
    for first, folder in PAGES.items():
        for file in sorted((web / folder).rglob("*")):
            inner = file.relative_to(web / folder)
            if file.is_file() and _is_served(inner.parts):
                yield str(PurePosixPath(first, *inner.parts)), file


def _is_served(parts: Sequence[str]) -> bool:
    hidden = any(not part or part.startswith(".") or part in _UNSERVED for part in parts)
    return not hidden and PurePosixPath(parts[-1]).suffix in MEDIA_TYPES
