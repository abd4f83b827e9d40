"""What a browser and a wallet do, over the public interfaces alone: HTTP, SSE and JSON-RPC.

Nothing here knows the product's package: the demo and the stack's tests use it to show that the
interfaces are enough.
"""

import base64
import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from solders.keypair import Keypair
from solders.message import to_bytes_versioned
from solders.signature import Signature
from solders.transaction import VersionedTransaction

SIGN_IN_LINES = (
    ("URI", "uri"),
    ("Version", "version"),
    ("Chain ID", "chainId"),
    ("Nonce", "nonce"),
    ("Issued At", "issuedAt"),
    ("Expiration Time", "expirationTime"),
    ("Not Before", "notBefore"),
    ("Request ID", "requestId"),
)


STRING_BODY = "text/plain;charset=UTF-8"
"""What `fetch` declares for a string body; the product's own client says no more."""


class Unexpected(Exception):
    """An answer that a client cannot go on with; the message shows it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One SSE message: its id (`""` when it has none) and its data, parsed."""

    id: str
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data["type"])


class Wallet:
    """Holds a keypair; signs what a wallet signs."""

    def __init__(self, keypair: Keypair) -> None:
        self._keypair = keypair

    @property
    def address(self) -> str:
        return str(self._keypair.pubkey())

    def sign_in(self, fields: Mapping[str, str]) -> dict[str, str]:
        """The body of `POST /api/auth/verify` for a challenge's `input`."""
        text = sign_in_text(fields).encode()
        return {
            "address": self.address,
            "signedMessage": base64.b64encode(text).decode(),
            "signature": base64.b64encode(bytes(self._keypair.sign_message(text))).decode(),
        }

    def signed(self, transaction: str) -> str:
        """The unsigned transaction (base64) with this wallet's signature, which is the first one;
        the places of other signers stay empty."""
        message = VersionedTransaction.from_bytes(base64.b64decode(transaction)).message
        signature = self._keypair.sign_message(to_bytes_versioned(message))
        others = [Signature.default()] * (message.header.num_required_signatures - 1)
        signed = VersionedTransaction.populate(message, [signature, *others])
        return base64.b64encode(bytes(signed)).decode()


def sign_in_text(fields: Mapping[str, str]) -> str:
    """Sign-In With Solana's text, as the wallets write it for a challenge's fields."""
    head = f"{fields['domain']} wants you to sign in with your Solana account:\n{fields['address']}"
    lines = [f"{label}: {fields[name]}" for label, name in SIGN_IN_LINES if name in fields]
    return "\n".join([head, "", fields["statement"], "", *lines])


class Rpc:
    """Solana JSON-RPC. Close it in the end."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, *parameters: Any) -> Any:
        """The result; Unexpected when the node answers with an error."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = self._client.post("/", json=body).json()
        if "error" in answer:
            raise Unexpected(f"{method}: {answer['error']}")
        return answer["result"]

    def send(self, transaction: str) -> str:
        """Relay a signed transaction (base64); its signature."""
        options = {"encoding": "base64", "preflightCommitment": "confirmed"}
        return str(self.call("sendTransaction", transaction, options))

    def wait_for(self, signature: str, *, commitment: str, seconds: float = 60.0) -> None:
        """Return once the transaction has reached the commitment; Unexpected if it failed."""
        reached = ("confirmed", "finalized") if commitment == "confirmed" else ("finalized",)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            (status,) = self.call("getSignatureStatuses", [signature])["value"]
            if status and status["err"]:
                raise Unexpected(f"transaction {signature} failed: {status['err']}")
            if status and status["confirmationStatus"] in reached:
                return
            time.sleep(0.1)
        raise Unexpected(f"transaction {signature} is not {commitment} after {seconds:.0f} s")

    def account(self, address: str) -> Mapping[str, Any] | None:
        """owner, lamports and data (bytes) at `finalized`; None when there is no account."""
        options = {"encoding": "base64", "commitment": "finalized"}
        account = self.call("getAccountInfo", address, options)["value"]
        if account is None:
            return None
        return {**account, "data": base64.b64decode(account["data"][0])}

    def held(self, owner: str, mint: str) -> int:
        """How many of a mint a wallet holds, at `finalized`."""
        options = {"encoding": "jsonParsed", "commitment": "finalized"}
        accounts = self.call("getTokenAccountsByOwner", owner, {"mint": mint}, options)["value"]
        return sum(
            int(each["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"])
            for each in accounts
        )


@dataclass
class Browser:
    """A page on the public origin: it keeps the session cookie and sends bodies as `fetch` does.

    Close it in the end.
    """

    origin: str
    patience_seconds: float = 20.0
    """How long a part that restarts is waited for."""
    page_origin: str = ""
    """Where the page came from, as the header `Origin` says it; unset: from `origin`."""
    _client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.page_origin = self.page_origin or self.origin
        self._client = httpx.Client(base_url=self.origin, trust_env=False, timeout=60)

    def close(self) -> None:
        self._client.close()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """A POST as the page would send it, whatever it answers."""
        headers = {"Origin": self.page_origin}
        if body is None:
            return self._patiently("POST", path, headers=headers)
        content = json.dumps(body).encode()
        headers["Content-Type"] = STRING_BODY
        return self._patiently("POST", path, content=content, headers=headers)

    def get(self, path: str) -> httpx.Response:
        return self._patiently("GET", path)

    def _patiently(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Again while a part restarts: 502 from the gateway, 503 from the API."""
        deadline = time.monotonic() + self.patience_seconds
        while True:
            answer = self._client.request(method, path, **options)
            self._trust_localhost()
            if answer.status_code not in (502, 503) or time.monotonic() > deadline:
                return answer
            time.sleep(0.25)

    def _trust_localhost(self) -> None:
        """Browsers send `Secure` cookies to http://localhost; Python's jar knows no such rule."""
        for cookie in self._client.cookies.jar:
            cookie.secure = False

    def sign_in(self, wallet: Wallet) -> dict[str, Any]:
        """Sign in with Solana; what `POST /api/auth/verify` answered. The cookie is kept."""
        challenge = told(self.post("/api/auth/challenge", {"address": wallet.address}), 200)
        return told(self.post("/api/auth/verify", wallet.sign_in(challenge["input"])), 200)

    def event_source(self, path: str) -> "EventSource":
        """As `new EventSource(path)`: same origin, so the cookie goes along."""
        return EventSource(self._client, path)


class EventSource:
    """A browser's EventSource: it reconnects by itself with Last-Event-ID, until it is told to
    stop by any status but 200 (HTML standard, section 9.2)."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self._client = client
        self._path = path
        self._last_id = ""
        self._retry_seconds = 1.0
        self.connections = 0
        self.stopped_by: int | None = None
        """The status that ended it for good."""

    def __iter__(self) -> Iterator[Message]:
        while self.stopped_by is None:
            with contextlib.suppress(httpx.TransportError):
                yield from self._one_connection()
            if self.stopped_by is None:
                time.sleep(self._retry_seconds)

    def _one_connection(self) -> Iterator[Message]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        timeout = httpx.Timeout(60.0)
        with self._client.stream("GET", self._path, headers=headers, timeout=timeout) as answer:
            self.connections += 1
            if answer.status_code != 200:
                self.stopped_by = answer.status_code
                return
            yield from self._messages(answer.iter_lines())

    def _messages(self, lines: Iterator[str]) -> Iterator[Message]:
        data: list[str] = []
        for line in lines:
            name, _, text = line.partition(":")
            text = text.removeprefix(" ")
            if not line and data:
                yield Message(self._last_id, json.loads("\n".join(data)))
                data = []
            elif name == "data":
                data.append(text)
            elif name == "id":
                self._last_id = text
            elif name == "retry":
                self._retry_seconds = int(text) / 1000


def told(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """The JSON of an answer with one of these statuses; Unexpected with its text otherwise."""
    if answer.status_code not in statuses:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise Unexpected(f"{asked}: {answer.status_code} {answer.text}")
    body: dict[str, Any] = answer.json()
    return body


def types(messages: Sequence[Message]) -> list[str]:
    """The messages' types, in order."""
    return [message.type for message in messages]
