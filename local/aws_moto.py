"""Everything that touches the emulator's (moto's) own classes, here and in aws_streams.py; moto is
pinned.

What is changed, and why:
1. One lock around every DynamoDB call. Without it two racing conditional writes both win, and
   acknowledged transactions are lost: a race test against such an emulator proves nothing.
2. `TransactWriteItems` checks all conditions first and writes after. The original copies whole
   tables for its roll-back (slower with every item) and leaves records of cancelled transactions
   in the stream.
3. Lambda calls run our handlers in this process instead of a container.
4. Step Functions really executes state machines, through one Lambda client per process: creating
   a client costs more than the call and is not thread-safe.
5. A journal is told which items a call changed, before the call is answered (`--data-dir`).
6. Readers of streams wait for news instead of asking again and again (aws_streams.py).
"""

import copy
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import boto3
from botocore.config import Config
from moto.awslambda.models import LambdaFunction
from moto.core.config import default_user_config
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
)
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from werkzeug.serving import BaseWSGIServer, make_server

from local.aws_mailbox import Mailbox
from local.aws_resources import ACCOUNT, REGION
from local.aws_streams import News, patch_streams

Attributes = Mapping[str, Any]
"""An item or a key in DynamoDB's JSON: `{"mint": {"S": "..."}}`."""
Invoke = Callable[[str, Any], tuple[str, bool]]
"""Function name and event -> answer as JSON text, and whether it is an error."""
MAX_TRANSACTION_ITEMS = 100


class Journal(Protocol):
    """Where changed items are written down; see `aws_journal.Journal`."""

    def write(self, changes: Sequence[tuple[str, Attributes, Attributes | None]]) -> None:
        """Table, key and the item as it is now (None: gone), all in one piece."""


def prepare(*, invoke: Invoke, journal: Journal | None) -> None:
    """Make moto what the product needs of AWS, once per process."""
    news = News()
    _patch_dynamodb(journal, news)
    patch_streams(news)
    _patch_lambda(invoke)
    _patch_step_functions()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)


def start_server(port: int) -> BaseWSGIServer:
    """An emulator on 127.0.0.1 that is serving, one thread per connection; port 0: a free one.

    All servers of a process serve the same AWS.
    """
    application = Mailbox(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        "127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler
    )
    os.environ["MOTO_PORT"] = str(server.port)  # where its Step Functions finds its Lambda
    threading.Thread(target=server.serve_forever, name="aws", daemon=True).start()
    return server


def restore(items: Iterable[tuple[str, Attributes]]) -> int:
    """Put items into existing tables without a trace in any stream; how many there were.

    What the stream had not delivered before the crash is published by the sweep, from the table.
    """
    count = 0
    for table_name, attributes in items:
        table = _backend().tables[table_name]
        _place(table, attributes, _item(table, attributes))
        count += 1
    return count


# --- DynamoDB --------------------------------------------------------------------------------


def _patch_dynamodb(journal: Journal | None, news: News) -> None:
    lock = threading.RLock()
    original = DynamoHandler.call_action

    @functools.wraps(original)
    def call_action(self: DynamoHandler) -> Any:
        with lock:
            status, headers, body = original(self)
            if journal and status < 300:
                changes = list(_changes(self._get_action(), self.params))
                if changes:
                    journal.write(changes)
        news.tell()
        return status, headers, body

    _replace(DynamoHandler, "call_action", call_action)
    _replace(DynamoDBBackend, "transact_write_items", _transact_write_items)


def _changes(
    action: str, body: Mapping[str, Any]
) -> Iterator[tuple[str, Attributes, Attributes | None]]:
    """The items a successful call may have changed, as they are now."""
    for operation in _operations(action, body):
        table = _backend().get_table(operation["TableName"])
        key = _key(table, operation)
        item = _get(table, key)
        yield table.name, key, item.to_json()["Attributes"] if item else None


def _operations(action: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if action in {"PutItem", "UpdateItem", "DeleteItem"}:
        yield body
    elif action == "TransactWriteItems":
        for entry in body["TransactItems"]:
            yield from (operation for name, operation in entry.items() if name != "ConditionCheck")
    elif action == "BatchWriteItem":
        for table_name, requests in body["RequestItems"].items():
            for request in requests:
                yield from ({"TableName": table_name, **one} for one in request.values())


def _transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """All or nothing: conditions are checked against what is there, then everything is written."""
    if len(transact_items) > MAX_TRANSACTION_ITEMS:
        raise TooManyTransactionsException()
    steps = [
        (kind, operation, self.get_table(operation["TableName"]))
        for entry in transact_items
        for kind, operation in entry.items()
    ]
    keys = [(table.name, str(sorted(_key(table, op).items()))) for _, op, table in steps]
    if len(set(keys)) < len(keys):
        raise MultipleTransactionsException()
    refusals = [_refusal(operation, table) for _, operation, table in steps]
    if any(code for code, _, _ in refusals):
        raise TransactionCanceledException(refusals)
    with _roll_back((_key(table, operation), table) for _, operation, table in steps):
        for kind, operation, table in steps:
            _apply(self, kind, operation, table)


def _refusal(operation: Mapping[str, Any], table: Table) -> tuple[Any, Any, Any]:
    expression = operation.get("ConditionExpression")
    current = _get(table, _key(table, operation))
    if expression is None or _condition(expression, operation).expr(current):
        return None, None, None
    wants_old = operation.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    old = current.to_json()["Attributes"] if wants_old and current else None
    return "ConditionalCheckFailed", "The conditional request failed", old


def _condition(expression: str, operation: Mapping[str, Any]) -> Any:
    return get_filter_expression(
        expression,
        operation.get("ExpressionAttributeNames"),
        operation.get("ExpressionAttributeValues"),
    )


def _apply(backend: DynamoDBBackend, kind: str, operation: Mapping[str, Any], table: Table) -> None:
    if kind == "Put":
        backend.put_item(table.name, operation["Item"])
    elif kind == "Delete":
        backend.delete_item(table.name, operation["Key"])
    elif kind == "Update":
        backend.update_item(
            table.name,
            operation["Key"],
            operation["UpdateExpression"],
            operation.get("ExpressionAttributeNames", {}),
            operation.get("ExpressionAttributeValues", {}),
        )


@contextmanager
def _roll_back(places: Iterable[tuple[Attributes, Table]]) -> Iterator[None]:
    """Undo every write of a transaction whose later write turns out to be invalid."""
    before = [(table, key, copy.deepcopy(_get(table, key))) for key, table in places]
    streams = [
        (table.stream_shard, len(table.stream_shard.items))
        for table, _, _ in before
        if table.stream_shard
    ]
    try:
        yield
    except Exception:
        for table, key, item in before:
            _place(table, key, item)
        for shard, length in streams:
            del shard.items[length:]
        raise


def _backend() -> DynamoDBBackend:
    return dynamodb_backends[ACCOUNT][REGION]


def _key(table: Table, operation: Mapping[str, Any]) -> dict[str, Any]:
    attributes = operation.get("Key") or operation["Item"]
    return {name: attributes[name] for name in table.table_key_attrs if name in attributes}


def _get(table: Table, key: Attributes) -> Item | None:
    return table.get_item(*_backend().get_keys_value(table, dict(key)))


def _item(table: Table, attributes: Attributes) -> Item:
    return Item(*_backend().get_keys_value(table, dict(attributes)), dict(attributes))


def _place(table: Table, key: Attributes, item: Item | None) -> None:
    hash_value, range_value = _backend().get_keys_value(table, dict(key))
    shelf: Any = table.items[hash_value] if range_value else table.items
    place = range_value or hash_value
    if item is None:
        shelf.pop(place, None)
    else:
        shelf[place] = item


# --- Lambda and Step Functions ---------------------------------------------------------------


def _patch_lambda(invoke: Invoke) -> None:
    def invoke_here(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        answer, is_error = invoke(self.function_name, {} if event is None else event)
        return answer, is_error, ""

    _replace(LambdaFunction, "_invoke_lambda", invoke_here)


def _patch_step_functions() -> None:
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    lock = threading.Lock()

    @functools.cache
    def client(service: str, region: str) -> Any:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            # A task runs once per attempt: repeating is the state machine's own decision.
            config=Config(
                retries={"total_max_attempts": 1}, read_timeout=900, max_pool_connections=200
            ),
        )

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        with lock:
            return client(service, region)

    _replace(lambda_eval_utils, "boto_client_for", client_for)


def _replace(owner: object, name: str, replacement: object) -> None:
    """AttributeError when the emulator no longer has what is replaced."""
    getattr(owner, name)
    setattr(owner, name, replacement)
