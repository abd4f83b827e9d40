"""JSON-RPC 2.0: a body in, a body out, single or batch."""

import json
import logging
from typing import Any

from local.solana.errors import InvalidParams, RpcFailure
from local.solana.faults import Faults
from local.solana.ledger import Ledger
from local.solana.methods import METHODS
from local.solana.params import Params, invalid_request
from local.solana.shapes import Json

log = logging.getLogger(__name__)


def answer(body: bytes, ledger: Ledger, faults: Faults) -> bytes:
    """The response's body; empty when only notifications were sent."""
    try:
        request = json.loads(body)
    except ValueError:
        return _encoded(_failed(None, RpcFailure(-32700, "Parse error")))
    if not isinstance(request, list):
        return _encoded(_answer_one(request, ledger, faults))
    if not request:
        return _encoded(_failed(None, invalid_request("Invalid request")))
    answers = [_answer_one(each, ledger, faults) for each in request]
    return _encoded([each for each in answers if each is not None] or None)


def methods_in(body: bytes) -> list[str]:
    """The methods a body names; none when it is not JSON-RPC."""
    try:
        request = json.loads(body)
    except ValueError:
        return []
    calls = request if isinstance(request, list) else [request]
    return [str(each.get("method")) for each in calls if isinstance(each, dict)]


def _answer_one(request: Any, ledger: Ledger, faults: Faults) -> Json | None:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _failed(None, invalid_request("Invalid request"))
    if "id" not in request:
        _call(request, ledger, faults)
        return None
    return {"jsonrpc": "2.0", "id": request["id"], **_call(request, ledger, faults)}


def _call(request: Json, ledger: Ledger, faults: Faults) -> Json:
    """`{"result": ...}` or `{"error": ...}`."""
    name = request["method"]
    try:
        method = METHODS.get(name)
        if method is None:
            raise RpcFailure(-32601, "Method not found")
        params = _params(request.get("params"))
        return {"result": faults.around(name, lambda: method(ledger, params), params)}
    except RpcFailure as failure:
        return {"error": failure.as_json()}
    except Exception:
        log.exception("%s failed", name)
        return {"error": RpcFailure(-32603, "Internal error").as_json()}


def _params(given: Any) -> Params:
    if given is None:
        return Params([])
    if not isinstance(given, list):
        raise InvalidParams("Invalid params: expected an array.")
    return Params(given)


def _failed(request_id: Any, failure: RpcFailure) -> Json:
    return {"jsonrpc": "2.0", "error": failure.as_json(), "id": request_id}


def _encoded(value: Any) -> bytes:
    return b"" if value is None else json.dumps(value, separators=(",", ":")).encode()
