"""The functions in `functions/`, called in this process as a Lambda runtime would call them.

A function's name is its file's name; its handler is `handler(event, context)`. The file is loaded
once, on its first call, and every function sees the environment of the process.
"""

import functools
import importlib.util
import json
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.aws_resources import FUNCTIONS, function_arn

Handler = Callable[[Any, "LambdaContext"], Any]
_loading = threading.RLock()


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What a handler is told about its call."""

    function_name: str
    timeout_seconds: float = 900.0
    memory_limit_in_mb: int = 512
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)

    @property
    def invoked_function_arn(self) -> str:
        return function_arn(self.function_name)

    def get_remaining_time_in_millis(self) -> int:
        left = self.timeout_seconds - (time.monotonic() - self.started)
        return max(0, int(left * 1000))


def load_handler(name: str, directory: Path = FUNCTIONS) -> Handler:
    """The handler in `<directory>/<name>.py`; ModuleNotFoundError when there is no such file."""
    with _loading:
        return _load(name, directory)


def invoke(name: str, event: Any, directory: Path = FUNCTIONS) -> tuple[str, bool]:
    """One call: the answer as JSON text, and whether it is an error.

    An exception becomes `{errorMessage, errorType, stackTrace}` with the class's bare name, which
    is what Retry and Catch in a state machine match.
    """
    try:
        answer = load_handler(name, directory)(event, LambdaContext(name))
        return json.dumps(answer, ensure_ascii=False), False
    except Exception as problem:  # noqa: BLE001  a runtime reports every error to its caller
        return json.dumps(_report(problem), ensure_ascii=False), True


@functools.cache
def _load(name: str, directory: Path) -> Handler:
    path = directory / f"{name}.py"
    if not path.is_file():
        raise ModuleNotFoundError(f"there is no function {name}: {path} is missing")
    spec = importlib.util.spec_from_file_location(f"functions.{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


def _report(problem: Exception) -> dict[str, Any]:
    return {
        "errorMessage": str(problem),
        "errorType": type(problem).__name__,
        "stackTrace": traceback.format_tb(problem.__traceback__),
    }
