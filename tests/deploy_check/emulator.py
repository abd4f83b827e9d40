"""MiniStack, pinned, in an environment of its own: it wants a botocore that is not ours."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.bundling import ROOT
from local.process import Part

HOME = ROOT / ".cache/ministack"
REQUIREMENTS = ("ministack==1.5.33", "cryptography==50.0.2")
LAUNCHER = Path(__file__).with_name("launcher.py")
LOOPBACK = "127.0.0.1"


class Emulator:
    """Running at `url`. Functions are its children, on wheels for this machine."""

    def __init__(self, *, kafka: str, directory: Path) -> None:
        """`kafka`: what its MSK says the brokers are. `directory`: where functions unpack."""
        self._port = free_port()
        self.url = f"http://{LOOPBACK}:{self._port}"
        self._part = Part(
            "ministack",
            command=[str(_python()), "-u", str(LAUNCHER)],
            environment={
                # By default it listens on every interface.
                "BIND_HOST": LOOPBACK,
                "MINISTACK_HOST": LOOPBACK,
                # Its MQTT listener knows no address but every one.
                "IOT_MTLS_ENABLED": "0",
                "GATEWAY_PORT": str(self._port),
                "LAMBDA_EXECUTOR": "local",
                "MINISTACK_MSK_BOOTSTRAP_SASL_IAM": kafka,
                "LOG_LEVEL": "WARNING",
                "TMPDIR": str(directory),
            },
        )

    def wait(self) -> None:
        """Until it answers."""
        self._part.wait(60)

    def stop(self) -> None:
        self._part.stop()

    @property
    def output(self) -> str:
        """The last lines it printed."""
        return self._part.output

    @property
    def environment(self) -> Mapping[str, str]:
        """For the CDK's command line and for boto3."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "CDK_DEFAULT_ACCOUNT": "000000000000",
            "CDK_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
            "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
            # The relay's image is not built here: nothing may ask a registry.
            "CDK_DOCKER": str(_no_docker()),
        }

    def api(self, api_id: str) -> tuple[str, dict[str, str]]:
        """Where an HTTP API is called, and the header that selects it."""
        return self.url, {"Host": f"{api_id}.execute-api.{LOOPBACK}:{self._port}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def worker_peaks(stage: str) -> dict[str, float]:
    """The most memory that each function's process ever held, in MiB: import and calls."""
    peaks: dict[str, float] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
            status = (process / "status").read_text()
        except OSError:  # it has ended meanwhile
            continue
        if found := re.search(rf"ministack-lambda-{stage}-([a-z-]+)-\w+/_worker", command):
            kib = int(re.findall(r"VmHWM:\s+(\d+)", status)[0])
            peaks[found[1]] = max(peaks.get(found[1], 0.0), kib / 1024)
    return peaks


def _python() -> Path:
    """Of the environment, which is made on first use."""
    python = HOME / "bin/python"
    mark = HOME / ".installed"
    wanted = "\n".join(REQUIREMENTS)
    if not mark.is_file() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([python, "-m", "pip", "install", *quiet, *REQUIREMENTS], check=True)
        mark.write_text(wanted)
    return python


def _no_docker() -> Path:
    stub = HOME / "no-docker"
    stub.write_text("#!/bin/sh\nexit 0\n")
    stub.chmod(0o755)
    return stub


def with_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `extra` over it."""
    return {**os.environ, **extra}
