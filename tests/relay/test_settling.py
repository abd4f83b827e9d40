"""What a process does once for all, so that nothing of its own stops its streams for long."""

import socket
import statistics
import subprocess
import sys
import time

BESIDE_A_BUSY_THREAD = """
import asyncio, threading
import uvloop
from relay.app import settle

def compute():
    total = 0
    while True:
        for number in range(1000):
            total += number * number % 7

class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.to = transport

    def data_received(self, data):
        self.to.write(data)

async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    threading.Thread(target=compute, daemon=True).start()
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(60)

settle()
uvloop.run(main())
"""


def asked(port: int) -> float:
    time.sleep(0.01)  # long enough for the other thread to be at work again
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"?")
        assert connection.recv(1)
    return time.monotonic() - began


def test_a_thread_that_computes_holds_up_no_request_for_long() -> None:
    """Python's own interval is 5 ms, and the loop would wait for one at every request."""
    command = [sys.executable, "-c", BESIDE_A_BUSY_THREAD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        took = statistics.median(asked(port) for _ in range(51))
        server.kill()
    assert took < 0.004
