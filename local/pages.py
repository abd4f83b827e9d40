"""`/`, `/client/` and `/ops/`: the files of `web/`, with the headers that CloudFront gives them."""

from collections.abc import Iterable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from local.forwarding import problem
from nft_upgrade.http.pages import (
    CACHE_CONTROL,
    MEDIA_TYPES,
    file_of,
    needs_slash,
    page_headers,
)

WEB = Path(__file__).parent.parent / "web"


class Pages:
    """Files as they are now: an edited one is served with the next reload."""

    def __init__(self, connects: Iterable[str], web: Path = WEB) -> None:
        self._headers = {**page_headers(connects), "cache-control": CACHE_CONTROL}
        self._web = web.resolve()

    def answer(self, request: Request) -> Response:
        """The file (304 when the browser has it), a redirect to the folder, or 404."""
        path: str = request.scope["path"]
        if needs_slash(path):
            return RedirectResponse(f"{path}/", 301)
        name = file_of(path)
        file = self._web / name if name else None
        if file is None or not file.is_file() or not file.resolve().is_relative_to(self._web):
            return problem(404, "not_found", f"Nothing is at {path}.")
        return self._file(request, file)

    def _file(self, request: Request, file: Path) -> Response:
        sent = FileResponse(
            file,
            headers=self._headers,
            media_type=MEDIA_TYPES[file.suffix],
            stat_result=file.stat(),
        )
        if request.headers.get("if-none-match") == sent.headers["etag"]:
            return Response(
                status_code=304, headers={**self._headers, "etag": sent.headers["etag"]}
            )
        return sent
