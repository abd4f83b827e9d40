"""The real DynamoDB Local as a part of the stack."""

import subprocess
from pathlib import Path

import pytest

from local import engines
from local.aws_resources import client, create_tables
from local.process import Part

pytestmark = pytest.mark.engines


def test_its_tables_outlive_it_in_a_data_directory(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--data-dir", str(tmp_path / "tables"))
    with Part("local.dynamodb_local", *arguments) as part:
        first = client("dynamodb", part.wait(120))
        create_tables(first.meta.endpoint_url)
        first.put_item(TableName="nft-upgrade-locks", Item={"lock": {"S": "KEPT"}})
    with Part("local.dynamodb_local", *arguments) as part:
        second = client("dynamodb", part.wait(120))
        assert second.scan(TableName="nft-upgrade-locks")["Count"] == 1
        create_tables(second.meta.endpoint_url)
        assert part.stop() == 0


def test_the_java_process_ends_with_its_part() -> None:
    with Part("local.dynamodb_local", "--port", "0") as part:
        port = part.wait(120).rsplit(":", 1)[1]
        assert java_processes(port) == 1
        part.kill()
        part.process.wait()
    for _ in range(50):
        if java_processes(port) == 0:
            return
        subprocess.run(["sleep", "0.1"], check=True)
    raise AssertionError("the Java process lives on")


def java_processes(port: str) -> int:
    wanted = b"ServerRunner\0-inMemory\0-sharedDb\0-disableTelemetry\0-cors\0"
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(process.read_bytes())
        except OSError:
            continue
    return sum(wanted in line and line.endswith(f"-port\0{port}\0".encode()) for line in lines)


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(engines.EngineMissing, match="java is not installed"):
        engines.fetch("dynamodb-local")


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(engines.EngineMissing, match="no engine 'redis'"):
        engines.fetch("redis")
