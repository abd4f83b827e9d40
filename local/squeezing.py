"""Pages go out compressed, as CloudFront sends them: what is measured here is true there."""

import gzip
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

COMPRESSED = ("text/", "image/svg+xml", "application/json")


def squeezed(request: Request, answer: Response) -> Response:
    """The same file in gzip if the browser takes it and it is text; any other answer as it is.

    The ETag stays the file's own, with `Vary`: both forms change together.
    """
    if not isinstance(answer, FileResponse):
        return answer
    if not (answer.media_type or "").startswith(COMPRESSED):
        return answer
    answer.headers["vary"] = "accept-encoding"
    if "gzip" not in request.headers.get("accept-encoding", "") or "range" in request.headers:
        return answer
    body = _compressed(str(answer.path), answer.headers["etag"])
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("content-length", "accept-ranges")
    }
    return Response(
        b"" if request.method == "HEAD" else body,
        headers={**kept, "content-encoding": "gzip", "content-length": str(len(body))},
    )


@lru_cache(maxsize=256)
def _compressed(path: str, etag: str) -> bytes:
    """Kept per version of a file: `etag` is no input but says when the file has changed."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)
