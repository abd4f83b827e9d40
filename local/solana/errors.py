"""JSON-RPC errors with the codes and words of public nodes (Agave's `custom_error.rs`).

RpcFailure
  InvalidParams              -32602
  PreflightFailed            -32002
  SignatureInvalid           -32003
  UnsupportedVersion         -32015
  MinContextSlotNotReached   -32016
"""

from typing import Any


class RpcFailure(Exception):
    """Answered as a JSON-RPC error object."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_json(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


class InvalidParams(RpcFailure):
    """The parameters are not what the method takes."""

    def __init__(self, message: str) -> None:
        super().__init__(-32602, message)


class PreflightFailed(RpcFailure):
    """The simulation before sending failed; `data` is what `simulateTransaction` would answer."""

    def __init__(self, reason: str, data: dict[str, Any]) -> None:
        super().__init__(-32002, f"Transaction simulation failed: {reason}", data)


class SignatureInvalid(RpcFailure):
    """A signature is missing or does not verify."""

    def __init__(self) -> None:
        super().__init__(-32003, "Transaction signature verification failure")


class UnsupportedVersion(RpcFailure):
    """The caller did not say that it can read this version."""

    def __init__(self, version: int) -> None:
        super().__init__(
            -32015,
            f"Transaction version ({version}) is not supported by the requesting client. "
            "Please try the request again with the following configuration parameter: "
            f'"maxSupportedTransactionVersion": {version}',
        )


class MinContextSlotNotReached(RpcFailure):
    """The bank at the wanted commitment is older than `minContextSlot`."""

    def __init__(self, slot: int) -> None:
        super().__init__(-32016, "Minimum context slot has not been reached", {"contextSlot": slot})
