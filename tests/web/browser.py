"""`web/browser/run.js` as a child process: a browser that plays scenarios by their names."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.web.node import INSTALLED, WEB

FOLDER = WEB / "browser"
PICTURES = WEB.parent / "test-artifacts" / "page"


class Player:
    """Chromium, and `people` wallets that hold an NFT each."""

    def __init__(self, origin: str, solana: str, *, people: int, pictures: bool = True) -> None:
        assert INSTALLED.is_dir(), "make web/node_modules installs what these tests need"
        told = {"origin": origin, "solana": solana, "people": people}
        if pictures:
            told["artifacts"] = str(PICTURES)
        self._process = subprocess.Popen(
            ["node", "--no-warnings", "run.js", json.dumps(told)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version: str = self._answer()["ready"]
        self._ordered: set[str] = set()
        self._answers: dict[str, dict[str, Any]] = {}

    def order(self, name: str, **told: str) -> None:
        """Have it played as soon as may be; once, however often it is ordered."""
        if name in self._ordered:
            return
        self._ordered.add(name)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps({'name': name, **told})}\n")
        self._process.stdin.flush()

    def play(self, name: str, **told: str) -> Any:
        """What the scenario found; AssertionError with what its pages showed when it failed."""
        self.order(name, **told)
        while name not in self._answers:
            answer = self._answer()
            self._answers[answer["name"]] = answer
        answer = self._answers[name]
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def end(self) -> None:
        """The end of its input is the end of the browser."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the browser has ended: {self._process.poll()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


def scenario_names() -> set[str]:
    """Every scenario there is."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((FOLDER / "scenarios").glob("*")))
    return {line.split('"')[1] for text in texts for line in text.split("\n") if _begins(line)}


def _begins(line: str) -> bool:
    return line.startswith(('scenario("', 'scenarioAlone("'))


def path_of(text: str) -> Path:
    """A file of the page by its URL's path."""
    folder, name = (WEB / "client", text[8:]) if text.startswith("/client/") else (None, text[1:])
    return (folder or WEB / "demo") / (name or "index.html")
