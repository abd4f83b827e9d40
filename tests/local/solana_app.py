"""The node's HTTP application without a process, on a clock that only tests move."""

import asyncio
import json
from typing import Any

import httpx

from local.solana.app import SolanaApp
from local.solana.scenarios import Scenario
from tests.local.solana_chain import Chain, Refused


class App:
    """Asks over ASGI. `chain` moves time and signs."""

    def __init__(self, *, scenario: Scenario = Scenario.NONE, **options: Any) -> None:
        self.chain = Chain(**options)
        self.app = SolanaApp(self.chain.ledger, scenario=scenario)

    def post(self, path: str, body: Any) -> httpx.Response:
        async def posted() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                return await client.post(path, json=body)

        return asyncio.run(posted())

    def order(self, **order: Any) -> Any:
        """What the control answered."""
        answer = self.post("/local/faults", order)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def raw(self, method: str, *params: Any, node: str = "") -> httpx.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return self.post(f"/nodes/{node}" if node else "/", body)

    def ask(self, method: str, *params: Any, node: str = "") -> Any:
        """The result; Refused, or an error for what is no JSON-RPC."""
        answer = json.loads(self.raw(method, *params, node=node).text)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]
