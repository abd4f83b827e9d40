"""What must exist in the emulator before the product can run: the local counterpart of `infra/`."""

import functools
import io
import re
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from nft_upgrade.adapters.dynamodb_tables import TABLES, Table, create_request

ACCOUNT = "123456789012"
REGION = "us-east-1"
STATE_MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:upgrade"
AUDIT_BUCKET = "nft-upgrade-audit"
NOTIFY_SENDER = "no-reply@nft.example"
FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"
STATE_MACHINE_FILE = "upgrade.asl.json"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/local"
TABLE_PREFIX = "nft-upgrade-"
_EXISTS = {
    "ResourceInUseException",
    "ResourceConflictException",
    "EntityAlreadyExists",
    "StateMachineAlreadyExists",
    "AlreadyExistsException",
    "BucketAlreadyOwnedByYou",
}
_TTL_IS_SET = "TimeToLive is already"


class MissingFunction(Exception):
    """The state machine names a function that is not in `functions/`."""


def create_resources(
    endpoint: str,
    *,
    dynamodb_endpoint: str | None = None,
    table_prefix: str = TABLE_PREFIX,
    functions: Path = FUNCTIONS,
) -> None:
    """Create all that is missing; what exists stays as it is. Raises MissingFunction.

    `endpoint` is the emulator's URL; `dynamodb_endpoint` another one for the tables alone.
    """
    create_tables(dynamodb_endpoint or endpoint, table_prefix)
    _create(lambda: _create_role(endpoint))
    for name in function_names(functions):
        _create(lambda name=name: _create_function(endpoint, name))  # type: ignore[misc]
    _create_state_machine(endpoint, functions)
    _create(lambda: _create_bucket(endpoint))
    _create(lambda: client("ses", endpoint).verify_email_identity(EmailAddress=NOTIFY_SENDER))


def create_tables(endpoint: str, table_prefix: str = TABLE_PREFIX) -> None:
    """The six tables with indexes, stream and time to live."""
    dynamodb = client("dynamodb", endpoint)
    for table in TABLES:
        _create(lambda table=table: dynamodb.create_table(**create_request(table, table_prefix)))  # type: ignore[misc]
        if table.ttl_attribute:
            _set_ttl(dynamodb, table, table_prefix)


def function_names(directory: Path = FUNCTIONS) -> list[str]:
    """Every function there is, by name."""
    return sorted(path.stem for path in directory.glob("*.py") if path.stem != "__init__")


def function_arn(name: str) -> str:
    """A function's ARN in the emulator."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def definition(directory: Path = FUNCTIONS) -> str:
    """The state machine with `${VerifyBurn}` and its like replaced by the functions' ARNs."""
    text = (directory / STATE_MACHINE_FILE).read_text(encoding="utf-8")
    known = set(function_names(directory))

    def arn(match: re.Match[str]) -> str:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", match[1]).lower()
        if name not in known:
            raise MissingFunction(f"{STATE_MACHINE_FILE} names {match[0]}, but no {name}.py exists")
        return function_arn(name)

    return re.sub(r"\$\{(\w+)\}", arn, text)


def client(service: str, endpoint: str) -> Any:
    """A client for the emulator, whatever the environment says; made once, for all threads."""
    with _making:
        return _client(service, endpoint)


_making = threading.Lock()


@functools.cache
def _session() -> boto3.session.Session:
    """One for all clients: each session reads botocore's large data files anew."""
    return boto3.session.Session()


@functools.cache
def _client(service: str, endpoint: str) -> Any:
    return _session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def _create(make: Callable[[], object]) -> None:
    try:
        make()
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in _EXISTS:
            raise


def _set_ttl(dynamodb: Any, table: Table, prefix: str) -> None:
    try:
        dynamodb.update_time_to_live(
            TableName=prefix + table.name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
        )
    except ClientError as problem:
        if _TTL_IS_SET not in problem.response["Error"]["Message"]:
            raise


def _create_role(endpoint: str) -> None:
    client("iam", endpoint).create_role(RoleName="local", AssumeRolePolicyDocument="{}")


def _create_function(endpoint: str, name: str) -> None:
    client("lambda", endpoint).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE_ARN,
        Handler=f"{name}.handler",
        Code={"ZipFile": _empty_zip()},
        Timeout=900,
    )


def _empty_zip() -> bytes:
    """Code is loaded from the work tree; the API wants an archive all the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("empty", "")
    return buffer.getvalue()


def _create_state_machine(endpoint: str, functions: Path) -> None:
    text = definition(functions)
    step_functions = client("stepfunctions", endpoint)
    _create(
        lambda: step_functions.create_state_machine(
            name="upgrade", definition=text, roleArn=ROLE_ARN, type="STANDARD"
        )
    )


def _create_bucket(endpoint: str) -> None:
    """Locked as on AWS, for a day."""
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=AUDIT_BUCKET, ObjectLockEnabledForBucket=True)
    lock = {"Mode": "GOVERNANCE", "Days": 1}
    s3.put_object_lock_configuration(
        Bucket=AUDIT_BUCKET,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": lock},
        },
    )
