"""What the probe asks of a stream, check by check (relay/probe.py is the command).

Each check stands on its own: it opens what it needs and closes it again, so the limit per user is
never in the way. Only the history is read once for all.
"""

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from relay.probe_client import Answer, Broken, Parser, advances, ask, places_of

SAFE_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
"""Other characters make the browser ask first (CORS) on each reconnect, or are cut off."""
READ_SECONDS = 10.0


class Failed(Exception):
    """What a check found wrong."""


class LeftOut(Exception):
    """Why a check was not made."""


@dataclass(frozen=True)
class Options:
    """How to ask. `headers` carry the credentials; times are seconds."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    ended_session: Mapping[str, str] = field(default_factory=dict)
    ended_url: str = ""
    origin: str = ""
    streams_per_user: int = 0
    heartbeat: float = 20.0
    quiet: float = 1.0
    first_byte: float = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report; `outcome` is `pass`, `FAIL` or `left out`."""

    name: str
    outcome: str
    text: str


class Probe:
    """The checks; each returns what it found, raises `Failed`, `LeftOut` or `Broken`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._history: Answer | None = None

    # --- the answer ----------------------------------------------------------------------------

    def status(self) -> str:
        return f"{self._first().status} with credentials"

    def content_type(self) -> str:
        text = self._first().header("content-type")
        _require(text.split(";")[0].strip().lower() == "text/event-stream", f"it is {text!r}")
        _require("charset" not in text or "utf-8" in text.lower(), f"it is {text!r}")
        return text

    def not_stored(self) -> str:
        text = self._first().header("cache-control")
        _require("no-store" in text or "no-cache" in text, f"Cache-Control is {text!r}")
        encoding = self._first().header("content-encoding")
        _require(not encoding, f"compressed ({encoding}): proxies hold such streams back")
        return text

    def first_byte(self) -> str:
        took, most = self._first().head_seconds, self._options.first_byte
        _require(took <= most, f"the head took {took:.2f} s, more than {most:g}")
        return f"head after {1000 * took:.0f} ms"

    # --- the stream ----------------------------------------------------------------------------

    def framing(self) -> str:
        """Read anew, cut in two at every byte: the messages must be the same."""
        answer = self._first()
        faults = sorted(answer.parser.faults)
        _require(not faults, "; ".join(faults))
        body = bytes(answer.body)
        for at in range(len(body) + 1):
            parser = Parser()
            messages = parser.feed(body[:at]) + parser.feed(body[at:])
            _require(messages == answer.messages, f"split at byte {at} it reads differently")
        return f"{len(answer.messages)} messages in {len(body)} bytes, the same at every split"

    def ids(self) -> str:
        ids = advances(self._first().messages)
        bad = [each for each in ids if not SAFE_ID.fullmatch(each)]
        _require(not bad, f"ids that are not safe in a header: {bad[:3]}")
        _require(len(set(ids)) == len(ids), "an id comes back")
        if all(each.isdigit() for each in ids):
            _require(ids == sorted(ids, key=int), "the ids do not increase")
        return f"{len(ids)} ids, safe, increasing" if ids else "none sent"

    def retry(self) -> str:
        retries = self._first().parser.retries
        bad = [each for each in retries if not re.fullmatch(r"[0-9]+", each)]
        _require(not bad, f"not a number of milliseconds: {bad[:3]}")
        return f"{retries[-1]} ms" if retries else "none sent"

    def heartbeat(self) -> str:
        answer = self._open()
        try:
            answer.read(READ_SECONDS, quiet=self._options.quiet)
            began, size = time.monotonic(), len(answer.body)
            while len(answer.body) == size and not answer.end:
                waited = time.monotonic() - began
                _require(waited <= self._options.heartbeat, f"silent for {waited:.1f} s")
                answer.read(self._options.heartbeat / 20)
            _require(not answer.end, f"the stream came to its {answer.end} while quiet")
            return f"a byte after {time.monotonic() - began:.1f} s of quiet"
        finally:
            answer.close()

    def resume(self) -> str:
        """Cut after any byte: what was seen and what comes then is the whole, each event once."""
        whole = advances(self._first().messages)
        places = places_of(bytes(self._first().body))
        for last_id in places:
            expected = whole[whole.index(last_id) + 1 :] if last_id else whole
            got = self._ids_after(last_id, len(expected))
            _require(got == expected, f"after {last_id!r} came {got[:9]}, not {expected[:9]}")
        return f"from {len(places)} places, which every byte of the history leads to"

    # --- who may listen ------------------------------------------------------------------------

    def credentials(self) -> str:
        if not self._options.headers:
            raise LeftOut("needs --header with credentials")
        return self._refused({})

    def ended_session(self) -> str:
        if not self._options.ended_session:
            raise LeftOut("needs --ended-session")
        return self._refused(self._options.ended_session)

    def cors(self) -> str:
        """A client on fetch, of another origin, resumes: the browser asks first."""
        origin = self._options.origin
        if not origin:
            raise LeftOut("needs --origin")
        wanted = {"Access-Control-Request-Headers": "authorization,last-event-id"}
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET", **wanted}
        answer = _closed(ask(self._options.url, asked, method="OPTIONS"))
        _require(200 <= answer.status < 300, f"the preflight is answered {answer.status}")
        allowed = answer.header("access-control-allow-headers").lower()
        _require("last-event-id" in allowed, f"Last-Event-ID is not allowed: {allowed!r}")
        _allows(answer, origin)
        _allows(
            _closed(ask(self._options.url, {**self._options.headers, "Origin": origin})), origin
        )
        return f"{origin} may read with credentials, and may send Last-Event-ID"

    def other_origins(self) -> str:
        if not self._options.origin:
            raise LeftOut("needs --origin")
        other = {**self._options.headers, "Origin": "https://other.invalid"}
        allowed = _closed(ask(self._options.url, other)).header("access-control-allow-origin")
        _require(allowed not in ("*", "https://other.invalid", "null"), f"it allows {allowed!r}")
        return "another origin may not"

    # --- how streams end -----------------------------------------------------------------------

    def terminal(self) -> str:
        if not self._options.ended_url:
            raise LeftOut("needs --ended-url")
        answer = self._open(self._options.ended_url)
        answer.read(READ_SECONDS)
        _closed(answer)
        _require(answer.end == "end", f"after the last event: {answer.end or 'still open'}")
        again = _closed(self._ask(self._options.ended_url, answer.parser.last_id))
        _require(again.status == 204, f"its reconnect is answered {again.status}, not 204")
        return "the stream ends, its reconnect is answered 204"

    def eviction(self) -> str:
        """One stream too many ends the oldest, and that one's reconnect does not start over."""
        limit = self._options.streams_per_user
        if not limit:
            raise LeftOut("needs --streams-per-user")
        streams = [self._open() for _ in range(limit + 1)]
        try:
            for stream in streams:
                stream.read(READ_SECONDS, quiet=self._options.quiet)
            ends = [bool(stream.end) for stream in streams]
            _require(ends == [True] + [False] * limit, f"ended: {ends}, oldest first")
            last_id = streams[0].parser.last_id
            _require(bool(SAFE_ID.fullmatch(last_id)), f"its last id is {last_id!r}")
            again = _closed(self._ask(self._options.url, last_id))
            _require(again.status == 204, f"its reconnect is answered {again.status}, not 204")
        finally:
            for stream in streams:
                stream.close()
        return f"of {limit + 1} the oldest ends and stays away"

    # --- how it is done ------------------------------------------------------------------------

    def _first(self) -> Answer:
        if self._history is None:
            self._history = self._open()
            self._history.read(READ_SECONDS, quiet=self._options.quiet)
            self._history.close()
        return self._history

    def _ask(self, url: str, last_id: str = "") -> Answer:
        return ask(url, self._options.headers, last_id=last_id)

    def _open(self, url: str = "") -> Answer:
        answer = self._ask(url or self._options.url)
        if answer.status != 200:
            answer.close()
            raise Failed(f"a stream is answered {answer.status}")
        return answer

    def _ids_after(self, last_id: str, count: int) -> list[str]:
        answer = self._ask(self._options.url, last_id)
        try:
            _require(answer.status == 200, f"after {last_id!r} it is answered {answer.status}")
            while len(advances(answer.messages, last_id)) < count and not answer.end:
                before = len(answer.body)
                answer.read(READ_SECONDS, until=len(answer.messages) + 1)
                if len(answer.body) == before:
                    break
            answer.read(self._options.quiet / 10)
            return advances(answer.messages, last_id)
        finally:
            answer.close()

    def _refused(self, headers: Mapping[str, str]) -> str:
        answer = _closed(ask(self._options.url, headers))
        _require(answer.status in (401, 403, 404), f"it is answered {answer.status}")
        return f"refused with {answer.status}"


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise Failed(text)


def _closed(answer: Answer) -> Answer:
    answer.close()
    return answer


def _allows(answer: Answer, origin: str) -> None:
    allowed = answer.header("access-control-allow-origin")
    _require(allowed == origin, f"Access-Control-Allow-Origin is {allowed!r}")
    credentials = answer.header("access-control-allow-credentials")
    _require(credentials == "true", f"Access-Control-Allow-Credentials is {credentials!r}")


CHECKS: Mapping[str, Callable[[Probe], str]] = {
    "status": Probe.status,
    "content type": Probe.content_type,
    "not stored, not compressed": Probe.not_stored,
    "first byte": Probe.first_byte,
    "framing": Probe.framing,
    "ids": Probe.ids,
    "retry": Probe.retry,
    "heartbeat": Probe.heartbeat,
    "resume": Probe.resume,
    "credentials": Probe.credentials,
    "ended session": Probe.ended_session,
    "CORS": Probe.cors,
    "other origins": Probe.other_origins,
    "end of the story": Probe.terminal,
    "eviction": Probe.eviction,
}


def probe(options: Options, *, only: Collection[str] = ()) -> list[Row]:
    """Make every check, or those named; one that breaks does not keep others from being made."""
    subject = Probe(options)
    return [_row(name, CHECKS[name], subject) for name in only or CHECKS]


def _row(name: str, check: Callable[[Probe], str], subject: Probe) -> Row:
    try:
        return Row(name, "pass", check(subject))
    except LeftOut as reason:
        return Row(name, "left out", str(reason))
    except (Failed, Broken) as found:
        return Row(name, "FAIL", str(found))
