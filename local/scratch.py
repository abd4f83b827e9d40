"""A directory that is gone when the process that asked for it is, even after `kill -9`."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

# Reads until its input ends, which happens when the last holder of the other end has died.
_JANITOR = 'cat > /dev/null; sleep 0.2; rm -rf -- "$0"'


class Scratch:
    """Context manager: `path` exists inside it and is removed after it, or after a crash."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", _JANITOR, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not end it before us
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._janitor.communicate()
