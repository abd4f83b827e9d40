"""The real engines (Apache Kafka, DynamoDB Local), fetched once with Maven into a cache.

The cache is `.cache/engines` in the repository, or `ENGINES_DIR`. What is fetched, and in which
version, is in `engines/pom.xml`; another version is another directory, so a change fetches anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENGINES = ("kafka", "dynamodb-local")
NAMED = "engine: "
"""How the line begins in which a part of the stack says what it started, and in which version."""
_JARS = {"kafka": "kafka_2.13-*.jar", "dynamodb-local": "DynamoDBLocal-*.jar"}
POM = Path(__file__).resolve().parent / "engines" / "pom.xml"
_DEFAULT_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "engines"


class EngineMissing(Exception):
    """An engine cannot be fetched or run: the message says what to install or what Maven said."""


def fetch(name: str) -> Path:
    """The directory with the engine's jars and native libraries, fetched on first use.

    `name` is one of `ENGINES`. Two processes that ask at once fetch once. Raises EngineMissing.
    """
    if name not in ENGINES:
        raise EngineMissing(f"there is no engine {name!r}; there are {', '.join(ENGINES)}")
    java()
    cache = Path(os.environ.get("ENGINES_DIR", _DEFAULT_CACHE))
    target = cache / f"{name}-{_version()}"
    if not target.is_dir():
        with _lock(cache):
            if not target.is_dir():
                _copy_dependencies(name, target)
    return target


def version(name: str) -> str:
    """The version of the engine that is really there, by its jar's name."""
    (jar,) = fetch(name).glob(_JARS[name])
    return jar.stem.rpartition("-")[2]


def java() -> str:
    """The path of the Java command; EngineMissing when there is none."""
    return _command("java", "Java 17 or newer (for example: apt install openjdk-17-jre-headless)")


def _version() -> str:
    return hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the system however this process ends
        yield


def _copy_dependencies(name: str, target: Path) -> None:
    maven = _command("mvn", "Maven (for example: apt install maven)")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        jars = Path(scratch) / "jars"
        arguments = [maven, "--batch-mode", "--quiet", "--file", str(POM), "--activate-profiles"]
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        run = subprocess.run([*arguments, name, *goal], capture_output=True, text=True, check=False)
        if run.returncode or not jars.is_dir():
            raise EngineMissing(f"Maven could not fetch {name}:\n{run.stdout[-2000:]}{run.stderr}")
        jars.rename(target)


def _command(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise EngineMissing(f"{name} is not installed; this engine needs {package}")
    return path
