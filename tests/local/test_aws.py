"""The AWS emulator as the product uses it: its processes, its races, its crashes."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from local.aws_resources import STATE_MACHINE_ARN, MissingFunction, client, definition
from local.aws_streams import KEPT_ITERATORS, NEWS_SECONDS, News, drop_oldest
from local.process import Part
from local.settings import free_ports

UPGRADES = "nft-upgrade-upgrades"
FUNCTIONS = {
    "double_number": "def handler(event, context):\n    return {'number': event['number'] * 2}\n",
    "flaky_step": (
        "class ChainUnavailable(Exception): pass\n"
        "calls = []\n"
        "def handler(event, context):\n"
        "    calls.append(event)\n"
        "    if len(calls) < 3: raise ChainUnavailable('no provider answered')\n"
        "    return {'calls': len(calls), 'function': context.function_name}\n"
    ),
    "refuse_step": (
        "class WrongStatus(Exception): pass\n"
        "def handler(event, context):\n    raise WrongStatus('not now')\n"
    ),
}
ASL = {
    "StartAt": "FlakyStep",
    "States": {
        "FlakyStep": {
            "Type": "Task",
            "Resource": "${FlakyStep}",
            "Retry": [
                {
                    "ErrorEquals": ["ChainUnavailable"],
                    "IntervalSeconds": 1,
                    "BackoffRate": 1.0,
                    "MaxAttempts": 3,
                }
            ],
            "ResultPath": "$.flaky",
            "Next": "RefuseStep",
        },
        "RefuseStep": {
            "Type": "Task",
            "Resource": "${RefuseStep}",
            "Catch": [
                {"ErrorEquals": ["WrongStatus"], "ResultPath": "$.caught", "Next": "DoubleNumber"}
            ],
            "End": True,
        },
        "DoubleNumber": {
            "Type": "Task",
            "Resource": "${DoubleNumber}",
            "ResultPath": "$.doubled",
            "End": True,
        },
    },
}


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("functions")
    for name, source in FUNCTIONS.items():
        (directory / f"{name}.py").write_text(source)
    (directory / "upgrade.asl.json").write_text(json.dumps(ASL))
    return directory


@pytest.fixture(scope="module")
def url(functions: Path) -> Iterator[str]:
    with Part("local.aws", "--port", "0", "--functions", str(functions)) as part:
        yield part.wait()


def test_a_function_answers_an_invocation(url: str) -> None:
    answer = client("lambda", url).invoke(
        FunctionName="double_number", Payload=json.dumps({"number": 21})
    )
    assert json.load(answer["Payload"]) == {"number": 42}
    assert "FunctionError" not in answer


def test_a_failing_function_answers_with_its_errors_class_name(url: str) -> None:
    answer = client("lambda", url).invoke(FunctionName="refuse_step", Payload="{}")
    report = json.load(answer["Payload"])
    assert answer["FunctionError"]
    assert (report["errorType"], report["errorMessage"]) == ("WrongStatus", "not now")


def test_the_state_machine_retries_and_catches_errors_by_name(url: str) -> None:
    step_functions = client("stepfunctions", url)
    execution = step_functions.start_execution(
        stateMachineArn=STATE_MACHINE_ARN, name="up-1-1", input=json.dumps({"number": 4})
    )
    outcome = _finished(step_functions, execution["executionArn"])
    output = json.loads(outcome["output"])
    assert output["flaky"] == {"calls": 3, "function": "flaky_step"}
    assert output["caught"]["Error"] == "WrongStatus"
    assert output["doubled"] == {"number": 8}


def test_a_state_machine_that_names_a_missing_function_is_refused(tmp_path: Path) -> None:
    (tmp_path / "upgrade.asl.json").write_text(json.dumps({"Resource": "${VerifyBurn}"}))
    with pytest.raises(MissingFunction, match="verify_burn"):
        definition(tmp_path)


def test_of_many_racing_conditional_transactions_exactly_one_wins(url: str) -> None:
    def take(holder: int) -> bool:
        return _take_lock(url, "RACE", str(holder))

    with ThreadPoolExecutor(16) as pool:
        wins = list(pool.map(take, range(32)))
    assert wins.count(True) == 1
    winner = _get(url, "RACE")["holder"]["S"]
    assert wins[int(winner)]


def test_a_cancelled_transaction_leaves_no_write_and_no_stream_record(url: str) -> None:
    dynamodb = client("dynamodb", url)
    assert _take_lock(url, "TAKEN", "first")
    written = {"Put": {"TableName": "nft-upgrade-upgrades", "Item": _event("cancelled")}}
    with pytest.raises(ClientError) as refusal:
        dynamodb.transact_write_items(TransactItems=[written, _put_lock("TAKEN", "second")])
    reasons: Any = refusal.value.response.get("CancellationReasons")
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["holder"] == {"S": "first"}
    assert "cancelled" not in _streamed(url)
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "nft-upgrade-upgrades", "Item": _event("kept")}}]
    )
    assert "kept" in _streamed(url)


def test_a_transaction_that_turns_out_invalid_is_undone(url: str) -> None:
    bad_update = {
        "Update": {
            "TableName": "nft-upgrade-locks",
            "Key": {"lock": {"S": "INVALID"}},
            "UpdateExpression": "SET holder = missing_attribute",
        }
    }
    with pytest.raises(ClientError):
        client("dynamodb", url).transact_write_items(
            TransactItems=[_put_lock("UNDONE", "me"), bad_update]
        )
    assert _get(url, "UNDONE") is None


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path, functions: Path) -> None:
    arguments = ("--port", "0", "--data-dir", str(tmp_path), "--functions", str(functions))
    part = Part("local.aws", *arguments)
    first = part.wait()
    for number in range(50):
        assert _take_lock(first, f"KEPT{number}", "me")
    client("dynamodb", first).delete_item(
        TableName="nft-upgrade-locks", Key={"lock": {"S": "KEPT0"}}
    )
    part.kill()
    with (tmp_path / "items.jsonl").open("a") as journal:
        journal.write('[["nft-upgrade-locks", {"lock": {"S": "TORN"')  # died while writing
    with Part("local.aws", *arguments) as again:
        second = again.wait()
        kept = client("dynamodb", second).scan(TableName="nft-upgrade-locks")["Items"]
        assert {item["lock"]["S"] for item in kept} == {f"KEPT{n}" for n in range(1, 50)}
        assert not _take_lock(second, "KEPT7", "other")
        assert _streamed(second) == []
        assert again.stop() == 0


def test_nobody_is_answered_before_everything_is_there_again(
    tmp_path: Path, functions: Path
) -> None:
    """An item that seems gone, or a write that is not kept, would be worse than no answer."""
    key = {"lock": {"S": "KEPT"}}
    line = json.dumps([["nft-upgrade-locks", key, {**key, "holder": {"S": "me"}}]])
    filler = [
        json.dumps([["nft-upgrade-locks", {"lock": {"S": f"F{n}"}}, {"lock": {"S": f"F{n}"}}]])
        for n in range(20_000)
    ]
    (tmp_path / "items.jsonl").write_text("\n".join([*filler, line]) + "\n")
    (port,) = free_ports(1)
    arguments = ("--port", str(port), "--data-dir", str(tmp_path), "--functions", str(functions))
    with Part("local.aws", *arguments) as part, ThreadPoolExecutor(1) as asking:
        first = asking.submit(_first_answer, f"http://127.0.0.1:{port}", "KEPT")
        part.wait()
        assert first.result(30) == {**key, "holder": {"S": "me"}}


def _first_answer(url: str, name: str) -> Any:
    """What the first call that is answered at all says, asked for without a pause."""
    impatient = Config(connect_timeout=1, read_timeout=20, retries={"max_attempts": 0})
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=impatient,
    )
    while True:
        try:
            return dynamodb.get_item(TableName="nft-upgrade-locks", Key={"lock": {"S": name}})[
                "Item"
            ]
        except EndpointConnectionError:
            time.sleep(0.005)


def test_binary_values_are_kept_over_a_kill(tmp_path: Path, functions: Path) -> None:
    """A mint attempt is one: losing it would lose the write-ahead record of a mint."""
    arguments = ("--port", "0", "--data-dir", str(tmp_path), "--functions", str(functions))
    attempt = {**_event("minted"), "message": {"B": b"\x00\xff message"}}
    part = Part("local.aws", *arguments)
    client("dynamodb", part.wait()).put_item(TableName="nft-upgrade-upgrades", Item=attempt)
    part.kill()
    with Part("local.aws", *arguments) as again:
        dynamodb = client("dynamodb", again.wait())
        assert dynamodb.scan(TableName="nft-upgrade-upgrades")["Items"] == [attempt]


def test_reading_the_stream_for_ever_takes_no_more_memory() -> None:
    iterators = {f"arn{number}": number for number in range(KEPT_ITERATORS + 5)}
    drop_oldest(iterators, KEPT_ITERATORS)
    assert next(iter(iterators)) == "arn5"
    assert len(iterators) == KEPT_ITERATORS
    drop_oldest(iterators, KEPT_ITERATORS)
    assert len(iterators) == KEPT_ITERATORS


def test_a_read_at_the_streams_end_waits_and_is_answered_by_the_next_write(url: str) -> None:
    dynamodb, streams = client("dynamodb", url), client("dynamodbstreams", url)
    iterator = _iterator(url, "LATEST")
    began = time.monotonic()
    assert streams.get_records(ShardIterator=iterator)["Records"] == []
    assert time.monotonic() - began >= NEWS_SECONDS
    with ThreadPoolExecutor(1) as readers:
        for number in range(3):
            reading = readers.submit(streams.get_records, ShardIterator=iterator)
            time.sleep(0.05)
            both = [{"Put": {"TableName": UPGRADES, "Item": _event(f"{n}{number}")}} for n in "ab"]
            dynamodb.transact_write_items(TransactItems=both)
            answer = reading.result(10)
            iterator = answer["NextShardIterator"]
            assert len(answer["Records"]) == 2, "the whole transaction, by the same read"


def test_who_waits_for_news_is_not_woken_by_less() -> None:
    news = News()
    news.add()
    assert not news.wait(1, 0.01)
    with ThreadPoolExecutor(1) as others:
        waiting = others.submit(news.wait, 1, 10)
        news.tell()
        time.sleep(0.02)
        assert not waiting.done(), "nothing was added"
        news.add()
        news.tell()
        assert waiting.result(10)


def test_an_iterator_of_the_stream_can_be_used_again(url: str) -> None:
    for _ in range(3):
        assert "never written" not in _streamed(url)


def _take_lock(url: str, name: str, holder: str) -> bool:
    try:
        client("dynamodb", url).transact_write_items(TransactItems=[_put_lock(name, holder)])
    except ClientError as problem:
        assert problem.response["Error"]["Code"] == "TransactionCanceledException"
        return False
    return True


def _put_lock(name: str, holder: str) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": "nft-upgrade-locks",
            "Item": {"lock": {"S": name}, "holder": {"S": holder}},
            "ConditionExpression": "attribute_not_exists(#lock)",
            "ExpressionAttributeNames": {"#lock": "lock"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _event(name: str) -> dict[str, Any]:
    return {"upgrade_id": {"S": name}, "entry": {"S": "EVENT#1"}}


def _get(url: str, lock: str) -> Any:
    key = {"lock": {"S": lock}}
    dynamodb = client("dynamodb", url)
    return dynamodb.get_item(TableName="nft-upgrade-locks", Key=key).get("Item")


def _iterator(url: str, start: str) -> str:
    streams = client("dynamodbstreams", url)
    table = client("dynamodb", url).describe_table(TableName=UPGRADES)["Table"]
    arn = table["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=start)
    return str(place["ShardIterator"])


def _streamed(url: str) -> list[str]:
    iterator = _iterator(url, "TRIM_HORIZON")
    records = client("dynamodbstreams", url).get_records(ShardIterator=iterator)["Records"]
    return [record["dynamodb"]["Keys"]["upgrade_id"]["S"] for record in records]


def _finished(step_functions: Any, arn: str) -> Any:
    for _ in range(200):
        outcome = step_functions.describe_execution(executionArn=arn)
        if outcome["status"] != "RUNNING":
            assert outcome["status"] == "SUCCEEDED", outcome
            return outcome
        time.sleep(0.05)
    raise AssertionError("the execution did not end")
