import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest

from local.process import Part
from local.settings import free_ports
from tests.local.stand_ins import Seen, StubServer, send_json, until

WALLET = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
EVENTS = "/api/nft/upgrade/01JABC/events"


class Api:
    """The API's stand-in: says what it was asked."""

    def __init__(self) -> None:
        self.server = StubServer(self.answer)

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        if seen.target == "/api/two-cookies":
            handler.send_response(201)
            handler.send_header("Set-Cookie", "session=a; HttpOnly")
            handler.send_header("Set-Cookie", "other=b")
            handler.send_header("Connection", "X-Internal")
            handler.send_header("X-Internal", "1")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif seen.target == "/api/squeezed":
            handler.send_response(200)
            handler.send_header("Content-Encoding", "gzip")
            handler.send_header("Content-Length", "3")
            handler.end_headers()
            handler.wfile.write(b"\x1f\x8b\x00")
        else:
            send_json(handler, {"target": seen.target, "body": seen.body.decode()})


class Relay:
    """The relay's stand-in: one message, then what the test wants."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.client_left = threading.Event()
        self.breaks = False
        self.server = StubServer(self.answer)

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        if seen.header("Last-Event-ID") == "5":
            handler.send_response(204)
            handler.end_headers()
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        self._chunk(handler, b"id: 1\ndata: {}\n\n")
        handler.connection.settimeout(0.05)
        while not self.go_on.is_set():
            if self._has_left(handler):
                self.client_left.set()
                handler.close_connection = True
                return
        if self.breaks:
            handler.close_connection = True
            return
        self._chunk(handler, b"id: 2\ndata: {}\n\n")
        self._chunk(handler, b"")

    @staticmethod
    def _chunk(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        handler.wfile.flush()

    @staticmethod
    def _has_left(handler: BaseHTTPRequestHandler) -> bool:
        try:
            return not handler.connection.recv(1)
        except TimeoutError:
            return False
        except OSError:
            return True


class Aws:
    """Just enough of DynamoDB and Lambda for the faucet."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.fault: str | None = None
        self.server = StubServer(self.answer)

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        body = json.loads(seen.body)
        operation = (seen.header("X-Amz-Target") or "").rpartition(".")[2]
        if operation == "GetItem":
            name = body["Key"]["item"]["S"]
            send_json(handler, {"Item": self.items[name]} if name in self.items else {})
        elif operation == "PutItem":
            self.items[body["Item"]["item"]["S"]] = body["Item"]
            send_json(handler, {})
        else:
            assert seen.target == "/2015-03-31/functions/issue_nft/invocations"
            self._invoke(handler, body)

    def _invoke(self, handler: BaseHTTPRequestHandler, order: Any) -> None:
        answer: Any = {"nftId": "NFT of " + order["claimId"], "level": 1}
        if self.fault:
            answer = {"errorType": self.fault, "errorMessage": "not now"}
        content = json.dumps(answer).encode()
        handler.send_response(200)
        if self.fault:
            handler.send_header("X-Amz-Function-Error", "Unhandled")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


class Solana:
    """Counts airdrops."""

    def __init__(self) -> None:
        self.airdrops: list[list[Any]] = []
        self.server = StubServer(self.answer)

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        call = json.loads(seen.body)
        assert call["method"] == "requestAirdrop"
        self.airdrops.append(call["params"])
        send_json(handler, {"jsonrpc": "2.0", "id": call["id"], "result": "signature"})


class House:
    """The gateway with stand-ins behind it."""

    def __init__(self) -> None:
        self.api, self.relay, self.aws, self.solana = Api(), Relay(), Aws(), Solana()
        self.part = Part(
            "local.gateway",
            *("--api", self.api.server.url, "--relay", self.relay.server.url),
            *("--aws", self.aws.server.url, "--solana", self.solana.server.url),
            *("--kafka", "127.0.0.1:9092", "--dynamodb", "http://127.0.0.1:1"),
            environment={
                "AWS_ENDPOINT_URL": self.aws.server.url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_MAX_ATTEMPTS": "1",
            },
        )
        self.client = httpx.Client(base_url=self.part.wait(), trust_env=False, timeout=10)

    def forget(self) -> None:
        for stand_in in (self.api, self.relay, self.aws, self.solana):
            stand_in.server.seen.clear()
        self.relay.go_on.clear()
        self.relay.client_left.clear()
        self.relay.breaks = False
        self.solana.airdrops.clear()
        self.aws.items.clear()
        self.aws.fault = None

    def close(self) -> None:
        self.relay.go_on.set()
        self.client.close()
        self.part.stop()
        for stand_in in (self.api, self.relay, self.aws, self.solana):
            stand_in.server.close()


@pytest.fixture(scope="module")
def one_house() -> Iterator[House]:
    house = House()
    yield house
    house.close()


@pytest.fixture
def house(one_house: House) -> House:
    one_house.forget()
    return one_house


def test_path_query_and_body_reach_the_api_unchanged(house: House) -> None:
    answer = house.client.post("/api/nft/a%2Fb?x=1&y=%20", content="{}")
    assert answer.json() == {"target": "/api/nft/a%2Fb?x=1&y=%20", "body": "{}"}


def test_the_api_sees_the_host_the_browser_used(house: House) -> None:
    house.client.get("/api/nft", headers={"Host": "localhost:8000"})
    (seen,) = house.api.server.seen
    assert seen.header("Host") == "localhost:8000"
    assert seen.header("X-Forwarded-Host") == "localhost:8000"
    assert seen.header("X-Forwarded-Proto") == "http"


def test_the_last_forwarded_address_is_the_real_client_whatever_the_client_claims(
    house: House,
) -> None:
    house.client.get("/api/nft", headers={"X-Forwarded-For": "6.6.6.6"})
    (seen,) = house.api.server.seen
    assert seen.header("X-Forwarded-For") == "6.6.6.6, 127.0.0.1"


def test_a_post_without_content_type_stays_without_one(house: House) -> None:
    house.client.post("/api/nft/upgrade", content=b"{}")
    (seen,) = house.api.server.seen
    assert seen.header("Content-Type") is None
    assert seen.header("Accept-Encoding") == "gzip, deflate"  # httpx's own, not the gateway's


def test_hop_by_hop_headers_stay_at_their_hop(house: House) -> None:
    house.client.get("/api/nft", headers={"Connection": "X-Mine", "X-Mine": "1", "TE": "trailers"})
    (seen,) = house.api.server.seen
    assert seen.header("X-Mine") is None
    assert seen.header("TE") is None
    assert "X-Internal" not in house.client.get("/api/two-cookies").headers


def test_every_cookie_of_an_answer_arrives(house: House) -> None:
    answer = house.client.get("/api/two-cookies")
    assert answer.status_code == 201
    assert answer.headers.get_list("set-cookie") == ["session=a; HttpOnly", "other=b"]


def test_a_compressed_answer_passes_as_it_is(house: House) -> None:
    with house.client.stream("GET", "/api/squeezed") as answer:
        assert b"".join(answer.iter_raw()) == b"\x1f\x8b\x00"


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/.well-known/jwks.json"])
def test_open_documents_come_from_the_api(house: House, path: str) -> None:
    assert house.client.get(path).json()["target"] == path


def test_an_unknown_path_is_a_problem_document(house: House) -> None:
    answer = house.client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["success"] is False


def test_a_page_may_speak_to_the_local_solana_node(house: House) -> None:
    answer = house.client.get("/ops/")
    assert "<title>Operators" in answer.text
    assert house.solana.server.url in answer.headers["content-security-policy"]


def test_a_page_cannot_be_posted_to(house: House) -> None:
    answer = house.client.post("/ops/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_api_that_is_away_is_a_502_to_try_again(house: House) -> None:
    with house.api.server.away():
        answer = house.client.get("/api/nft")
    assert answer.status_code == 502
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "part_unavailable"
    assert answer.json()["retryable"] is True


def test_a_stream_is_not_buffered(house: House) -> None:
    with house.client.stream("GET", EVENTS, headers={"Cookie": "session=a"}) as stream:
        chunks = stream.iter_raw()
        assert next(chunks) == b"id: 1\ndata: {}\n\n"
        house.relay.go_on.set()
        assert b"".join(chunks) == b"id: 2\ndata: {}\n\n"
    (seen,) = house.relay.server.seen
    assert seen.header("Cookie") == "session=a"
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_the_relay_learns_that_a_client_left(house: House) -> None:
    with house.client.stream("GET", EVENTS) as stream:
        next(stream.iter_raw())
    until(house.relay.client_left.is_set, seconds=5)


def test_a_stream_that_breaks_ends_cleanly_so_that_the_browser_returns(house: House) -> None:
    house.relay.breaks = True
    with house.client.stream("GET", EVENTS) as stream:
        chunks = stream.iter_raw()
        next(chunks)
        house.relay.go_on.set()
        assert list(chunks) == []


def test_while_the_relay_is_away_a_stream_ends_at_once_and_asks_to_come_back(
    house: House,
) -> None:
    with house.relay.server.away():
        answer = house.client.get(EVENTS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == "retry: 1000\n\n"


def test_the_answer_that_stops_a_finished_stream_passes(house: House) -> None:
    assert house.client.get(EVENTS, headers={"Last-Event-ID": "5"}).status_code == 204


def test_an_open_stream_does_not_keep_the_gateway_from_ending() -> None:
    house = House()
    with house.client.stream("GET", EVENTS) as stream:
        next(stream.iter_raw())
        house.part.terminate()
        assert house.part.process.wait(5) is not None
    house.close()


def test_the_faucet_gives_sol_and_a_level_1_nft(house: House) -> None:
    answer = house.client.post("/local/faucet", content=json.dumps({"address": WALLET}))
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "nftId": f"NFT of faucet-{WALLET}",
        "level": 1,
        "lamports": 2_000_000_000,
    }
    assert house.solana.airdrops == [[WALLET, 2_000_000_000]]


def test_the_faucet_gives_once_and_answers_the_same_again(house: House) -> None:
    answers = [house.client.post("/local/faucet", json={"address": WALLET}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(house.solana.airdrops) == 1


def test_two_calls_at_once_give_sol_once(house: House) -> None:
    def ask() -> None:
        httpx.post(f"{house.client.base_url}/local/faucet", json={"address": WALLET})

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(house.solana.airdrops) == 1


@pytest.mark.parametrize(
    "address",
    ["", "0OIl", WALLET[:-1], "1" * 31, "1" * 33, base64.b64encode(bytes(32)).decode(), 7, None],
)
def test_an_address_that_is_none_is_refused(house: House, address: Any) -> None:
    answer = house.client.post("/local/faucet", json={"address": address})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_address"
    assert house.solana.airdrops == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 8_000])
def test_a_faucet_body_that_is_not_json_is_refused(house: House, body: bytes) -> None:
    answer = house.client.post("/local/faucet", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed_json"


def test_a_faucet_body_that_is_too_large_is_refused_unread(house: House) -> None:
    answer = house.client.post("/local/faucet", content=b"[" * 200_000)
    assert (answer.status_code, answer.json()["code"]) == (400, "body_too_large")


def test_a_faucet_that_cannot_mint_now_says_so_and_goes_on_later(house: House) -> None:
    house.aws.fault = "ChainUnavailable"
    answer = house.client.post("/local/faucet", json={"address": WALLET})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    house.aws.fault = None
    assert house.client.post("/local/faucet", json={"address": WALLET}).status_code == 200
    assert len(house.solana.airdrops) == 1


def test_a_faucet_whose_node_is_away_says_so(house: House) -> None:
    with house.solana.server.away():
        answer = house.client.post("/local/faucet", json={"address": WALLET})
    assert answer.status_code == 503
    assert answer.json()["code"] == "part_unavailable"


def test_the_addresses_of_the_other_parts_are_told(house: House) -> None:
    told = house.client.get("/local/addresses").json()
    assert told["solanaRpcUrl"] == house.solana.server.url
    assert told["kafkaBootstrapServers"] == "127.0.0.1:9092"


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(20))) == 20
