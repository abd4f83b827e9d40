"""A stand-in for AWS KMS that signs with Ed25519, speaking KMS's own wire format.

    python -m local.kms --port 0 [--data-dir DIR] [--seed TEXT]

boto3's unmodified client works against it. It knows CreateKey, DescribeKey, GetPublicKey, Sign,
CreateAlias, ListAliases and ListKeys, for the one key spec the product uses. Keys lie open in
memory (and, with --data-dir, in a file): this is for development, never for anything of value.
With --seed a key that gets an alias at creation is derived from seed and alias: TEST KEYS, which
whoever knows the seed can compute. `alias/mint` and `alias/session` exist from the start.
"""

import argparse
import base64
import hashlib
import json
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_SPEC: Final = "ECC_NIST_EDWARDS25519"
ALGORITHM = "ED25519_SHA_512"
LONGEST_MESSAGE = 4096
ALIASES = ("alias/mint", "alias/session")
ARN = "arn:aws:kms:us-east-1:000000000000:"
TEST_KEY = "TEST KEY of the local stack, derived from a seed"

Body = Mapping[str, Any]


class KmsError(Exception):
    """An error as KMS answers it: `code` is the AWS error's name."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Keys:
    """All keys and aliases; written to one file after every change when there is a folder."""

    def __init__(self, *, data_dir: Path | None = None, seed: str | None = None) -> None:
        self._file = data_dir / "kms.json" if data_dir else None
        self._seed = seed
        self._secrets: dict[str, bytes] = {}
        self._descriptions: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._lock = threading.Lock()
        self._read()
        for alias in ALIASES:
            if alias not in self._aliases:
                self._aliases[alias] = self._add(*self._secret_for(alias))
        self._write()

    def create(self, body: Body) -> Body:
        if body.get("KeySpec") != KEY_SPEC:
            raise KmsError("UnsupportedOperationException", f"Only {KEY_SPEC} is served here.")
        if body.get("KeyUsage") != "SIGN_VERIFY":
            raise KmsError("ValidationException", "KeyUsage must be SIGN_VERIFY.")
        with self._lock:
            key_id = self._add(Ed25519PrivateKey.generate(), str(body.get("Description", "")))
            self._write()
        return {"KeyMetadata": self._metadata(key_id)}

    def describe(self, body: Body) -> Body:
        return {"KeyMetadata": self._metadata(self._find(body))}

    def public_key(self, body: Body) -> Body:
        key_id = self._find(body)
        der = (
            self._private(key_id)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        return {
            "KeyId": ARN + f"key/{key_id}",
            "PublicKey": base64.b64encode(der).decode(),
            "KeySpec": KEY_SPEC,
            "CustomerMasterKeySpec": KEY_SPEC,
            "KeyUsage": "SIGN_VERIFY",
            "SigningAlgorithms": [ALGORITHM],
        }

    def sign(self, body: Body) -> Body:
        key_id = self._find(body)
        message = _message(body)
        if body.get("SigningAlgorithm") != ALGORITHM:
            raise KmsError("InvalidKeyUsageException", f"This key signs with {ALGORITHM}.")
        if body.get("MessageType", "RAW") != "RAW":
            raise KmsError("ValidationException", f"{ALGORITHM} takes MessageType RAW.")
        return {
            "KeyId": ARN + f"key/{key_id}",
            "Signature": base64.b64encode(self._private(key_id).sign(message)).decode(),
            "SigningAlgorithm": ALGORITHM,
        }

    def create_alias(self, body: Body) -> Body:
        alias = str(body.get("AliasName", ""))
        key_id = self._find({"KeyId": body.get("TargetKeyId")})
        if not alias.startswith("alias/") or alias.startswith("alias/aws/"):
            raise KmsError("ValidationException", "An alias starts with alias/, not alias/aws/.")
        with self._lock:
            if alias in self._aliases:
                raise KmsError("AlreadyExistsException", f"{alias} exists already.")
            self._aliases[alias] = key_id
            self._write()
        return {}

    def list_aliases(self, body: Body) -> Body:
        wanted = self._find(body) if body.get("KeyId") else None
        return {
            "Aliases": [
                {"AliasName": alias, "AliasArn": ARN + alias, "TargetKeyId": key_id}
                for alias, key_id in sorted(self._aliases.items())
                if wanted in (None, key_id)
            ],
            "Truncated": False,
        }

    def list_keys(self, body: Body) -> Body:
        keys = [{"KeyId": key_id, "KeyArn": ARN + f"key/{key_id}"} for key_id in self._secrets]
        return {"Keys": keys, "Truncated": False}

    def _find(self, body: Body) -> str:
        """By id, alias, or the ARN of either."""
        name = str(body.get("KeyId") or "").removeprefix(ARN).removeprefix("key/")
        key_id = self._aliases.get(name, name)
        if key_id not in self._secrets:
            raise KmsError("NotFoundException", f"Key '{ARN}key/{name}' does not exist")
        return key_id

    def _private(self, key_id: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secrets[key_id])

    def _metadata(self, key_id: str) -> Body:
        return {
            "AWSAccountId": "000000000000",
            "KeyId": key_id,
            "Arn": ARN + f"key/{key_id}",
            "Enabled": True,
            "Description": self._descriptions[key_id],
            "KeyUsage": "SIGN_VERIFY",
            "KeyState": "Enabled",
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "KeySpec": KEY_SPEC,
            "CustomerMasterKeySpec": KEY_SPEC,
            "SigningAlgorithms": [ALGORITHM],
            "MultiRegion": False,
        }

    def _secret_for(self, alias: str) -> tuple[Ed25519PrivateKey, str]:
        if self._seed is None:
            return Ed25519PrivateKey.generate(), ""
        secret = hashlib.sha256(f"local.kms {self._seed} {alias}".encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(secret), TEST_KEY

    def _add(self, private_key: Ed25519PrivateKey, description: str) -> str:
        secret = private_key.private_bytes_raw()
        key_id = str(uuid.UUID(bytes=hashlib.sha256(b"id" + secret).digest()[:16], version=4))
        self._secrets[key_id] = secret
        self._descriptions[key_id] = description
        return key_id

    def _read(self) -> None:
        if self._file is None or not self._file.exists():
            return
        kept = json.loads(self._file.read_text(encoding="utf-8"))
        self._secrets = {key_id: bytes.fromhex(text) for key_id, text in kept["keys"].items()}
        self._descriptions = kept["descriptions"]
        self._aliases = kept["aliases"]

    def _write(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        kept = {
            "keys": {key_id: secret.hex() for key_id, secret in self._secrets.items()},
            "descriptions": self._descriptions,
            "aliases": self._aliases,
        }
        # Replace as a whole: a crash leaves the old file or the new one, never half a key.
        fresh = self._file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        fresh.replace(self._file)


def _message(body: Body) -> bytes:
    try:
        message = base64.b64decode(body.get("Message", ""), validate=True)
    except (ValueError, TypeError) as error:
        raise KmsError("SerializationException", "Message is not base64.") from error
    if not 0 < len(message) <= LONGEST_MESSAGE:
        raise KmsError(
            "ValidationException",
            "1 validation error detected: Value at 'message' failed to satisfy constraint: Member "
            f"must have length between 1 and {LONGEST_MESSAGE}",
        )
    return message


class Service:
    """Maps KMS's operations to the keys."""

    def __init__(self, keys: Keys) -> None:
        self._operations: Mapping[str, Callable[[Body], Body]] = {
            "CreateKey": keys.create,
            "DescribeKey": keys.describe,
            "GetPublicKey": keys.public_key,
            "Sign": keys.sign,
            "CreateAlias": keys.create_alias,
            "ListAliases": keys.list_aliases,
            "ListKeys": keys.list_keys,
        }

    def answer(self, target: str, content: bytes) -> tuple[int, Body]:
        """HTTP status and JSON body for one request."""
        service, _, name = target.partition(".")
        try:
            if service != "TrentService" or name not in self._operations:
                raise KmsError("UnknownOperationException", f"{target} is not served here.")
            return 200, self._operations[name](_parsed(content))
        except KmsError as error:
            return error.status, {"__type": error.code, "message": str(error)}


def _parsed(content: bytes) -> Body:
    try:
        body = json.loads(content or b"{}")
    except ValueError as error:
        raise KmsError("SerializationException", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise KmsError("SerializationException", "The body is not a JSON object.")
    return body


class Handler(BaseHTTPRequestHandler):
    """One request: its target header names the operation."""

    protocol_version = "HTTP/1.1"
    service: Service

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = self.service.answer(self.headers.get("X-Amz-Target", ""), content)
        answer = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the supervisor prints what matters."""


class Server(ThreadingHTTPServer):
    """One thread per connection."""

    daemon_threads = True
    # The default of 5 makes a burst of callers wait a second for their connection.
    request_queue_size = 128


def serve(keys: Keys, port: int) -> ThreadingHTTPServer:
    """A server bound to loopback, not yet running."""
    handler = type("BoundHandler", (Handler,), {"service": Service(keys)})
    return Server(("127.0.0.1", port), handler)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m local.kms")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--data-dir", type=Path, help="keep the keys in this folder")
    parser.add_argument("--seed", help="derive TEST KEYS from this text")
    options = parser.parse_args(arguments)
    server = serve(Keys(data_dir=options.data_dir, seed=options.seed), options.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"ready http://127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main(sys.argv[1:])
