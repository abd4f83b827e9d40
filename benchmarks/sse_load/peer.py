"""What measure.py needs to know of a server, and the open-loop publisher that feeds it."""
import array
import base64
import collections
import ctypes
import gc
import hashlib
import hmac
import json
import os
import random
import re
import select
import socket
import time


class Peer:
    """One server under test. An adapter subclasses this; `options` are the KEY=VALUE given on the command line."""

    name = "?"
    tested = True
    has_channel_for_all = True
    channels = 8
    defaults = {}

    def __init__(self, port, workdir, streams, options):
        self.port, self.workdir, self.streams = port, workdir, streams
        self.options = {**self.defaults, **options}

    def prepare(self):
        """Writes the configuration into workdir; returns it as text for the record."""
        return ""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def version(self):
        return "unknown"

    def ready(self):
        """True once the server answers HTTP at all."""
        return status_of(self.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") is not None

    def request(self):
        """Request template for sseload; {i} and {1}..{9} are filled in for each stream."""
        raise NotImplementedError

    def fields(self, stream):
        """The stream's {1}..{9}."""
        return [str(stream)]

    def refused_request(self):
        """A request with bad credentials, or None: the server must not answer it with a stream."""
        return None

    def load_options(self):
        return []

    def publish(self, stream, payload):
        """The HTTP request (bytes) that sends `payload` to one stream, or to all (None)."""
        raise NotImplementedError

    def accepted(self, status, body):
        return 200 <= status < 300

    def close(self):
        """Stops what `prepare` started beside the server."""

    def channel(self):
        """A connection to publish on; a peer fed otherwise (a broker, say) returns its own object with the same methods."""
        return HttpChannel(self.port, self.publish, self.accepted)


def status_of(port, request, timeout=1.0):
    """Status of one answer, or None if none came."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as s:
            s.settimeout(timeout)
            s.sendall(request)
            head = s.recv(4096)
            return int(head[9:12]) if head.startswith(b"HTTP/1.") else None
    except (OSError, ValueError):
        return None


def post(path, body, headers=""):
    if isinstance(body, str):
        body = body.encode()
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Described(Peer):
    """A server told by a JSON file instead of an adapter: see README.md. {port}, {dir}, {n} and the command line's KEY=VALUE are filled in."""

    def __init__(self, port, workdir, streams, options):
        self.says = options.pop("described")
        super().__init__(port, workdir, streams, options)
        self.name = self.says["name"]

    def fill(self, text, **more):
        for key, value in {"port": self.port, "dir": self.workdir, "n": self.streams, **self.options, **more}.items():
            text = text.replace("{%s}" % key, str(value))
        return text

    def prepare(self):
        for name, text in self.says.get("files", {}).items():
            with open(os.path.join(self.workdir, name), "w") as f:
                f.write(self.fill(text))
        self.rows = None
        if "fields_file" in self.says:
            with open(self.fill(self.says["fields_file"])) as f:
                self.rows = [line.rstrip("\n").split("\t") for line in f]
        return json.dumps(self.says)

    def command(self):
        return [self.fill(part) for part in self.says["command"]]

    def environment(self):
        return {**os.environ, **{k: self.fill(v) for k, v in self.says.get("environment", {}).items()}}

    def version(self):
        return self.says.get("version", "unknown")

    def request(self):
        return self.says["request"]

    def fields(self, stream):
        return self.rows[stream] if self.rows else [str(stream)]

    def refused_request(self):
        text = self.says.get("refused_request")
        return text and text.replace("\n", "\r\n").rstrip() + "\r\n\r\n"

    def load_options(self):
        return self.says.get("load_options", [])

    def publish(self, stream, payload):
        to = self.says["to_all"] if stream is None else self.says["to_one"].replace("{i}", str(stream))
        body = self.says.get("publish_body", "{payload}").replace("{payload}", payload).replace("{to}", to)
        return post(self.says["publish_path"].replace("{to}", to), body, "".join(h + "\r\n" for h in self.says.get("publish_headers", [])))


def jwt(claims, key, **header):
    """HS256."""
    def part(b):
        return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
    text = ".".join(part(json.dumps(x, separators=(",", ":")).encode()) for x in ({"alg": "HS256", "typ": "JWT", **header}, claims))
    return text + "." + part(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())


class HttpChannel:
    """One keep-alive connection, one request at a time."""

    def __init__(self, port, publish, accepted):
        self.port, self.publish, self.accepted = port, publish, accepted
        self.socket, self.answer = None, b""

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), 2)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def fileno(self):
        return self.socket.fileno()

    def send(self, stream, payload):
        """Raises OSError if the server is away."""
        if not self.socket:
            self.connect()
        self.socket.sendall(self.publish(stream, payload))

    def result(self):
        """Called when readable: None (not yet), else (accepted, status). Raises OSError if the connection is gone."""
        got = self.socket.recv(65536)
        if not got:
            raise ConnectionError("closed")
        self.answer += got
        head, blank, body = self.answer.partition(b"\r\n\r\n")
        if not blank:
            return None
        status, fields = int(head[9:12]), head.lower()
        if b"transfer-encoding: chunked" in fields:
            if not body.endswith(b"0\r\n\r\n"):
                return None
        elif status != 204:
            length = re.search(rb"content-length:\s*(\d+)", fields)
            if length and len(body) < int(length[1]):
                return None
        self.answer = b""
        if b"connection: close" in fields:
            self.close()
        return self.accepted(status, body), status


class Sent:
    """How many events each stream (and all of them together) has been sent so far: the truth the streams are held against."""

    def __init__(self, streams):
        self.one, self.all = array.array("I", bytes(4 * streams)), 0

    def next(self, stream):
        if stream is None:
            self.all += 1
            return self.all
        self.one[stream] += 1
        return self.one[stream]


def payload(stream, seq, planned_ns, size):
    event = {"series": 1 if stream is None else 0, "seq": seq, "sent_ns": planned_ns}
    if stream is not None:
        event["to"] = stream
    event["type"] = "upgrade_completed"
    event["pad"] = ""
    text = json.dumps(event, separators=(",", ":"))
    return text[:-2] + "x" * max(0, size - len(text)) + text[-2:]


def at_rate(rate, seconds, streams, seed):
    """Plan: one event to a random stream every 1/rate s."""
    r = random.Random(seed)
    return [(int(i * 1e9 / rate), r.randrange(streams)) for i in range(int(rate * seconds))]


def percentiles(values):
    v = sorted(values)
    return {f"p{q}".replace(".", ""): round(v[min(len(v) - 1, int(len(v) * q / 100))] / 1e6, 4) for q in (50, 99, 99.9)} | {"max": round(v[-1] / 1e6, 4)} if v else None


class Publisher:
    """Runs a plan in a forked process: every event leaves at its planned instant or late, never in step with the answers, and carries the
    planned time. Events to one stream keep their order. An outbox: what met a closed connection or a 5xx is sent again until `seconds` are over."""

    def __init__(self, peer, plan, sent, size=220, seconds=60, cpus=None):
        self.sent = sent
        self.receive, out = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(out)
            return
        code = 1
        try:
            os.close(self.receive)
            if cpus:
                os.sched_setaffinity(0, cpus)
            ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK: wake when asked
            gc.disable()
            report = self.run(peer, plan, size, seconds)
            with os.fdopen(out, "wb") as f:
                f.write(json.dumps(report).encode() + b"\n" + self.sent.all.to_bytes(8, "little") + self.sent.one.tobytes())
            code = 0
        finally:
            os._exit(code)

    def join(self):
        """Waits for the end; returns the report and brings `sent` up to date."""
        with os.fdopen(self.receive, "rb") as f:
            got = f.read()
        os.waitpid(self.pid, 0)
        line, _, rest = got.partition(b"\n")
        if not line:
            raise RuntimeError("the publisher died")
        self.sent.all = int.from_bytes(rest[:8], "little")
        self.sent.one = array.array("I", rest[8:])
        return json.loads(line)

    def run(self, peer, plan, size, seconds):
        idle = [peer.channel() for _ in range(peer.channels)]
        busy, waiting, streams_out = {}, collections.deque(), set()
        late, answered, statuses, retried, dropped = [], [], collections.Counter(), 0, 0
        clock = time.monotonic_ns
        start, away_until, i = clock() + 20_000_000, 0, 0
        end = start + int(seconds * 1e9)
        while (i < len(plan) or waiting or busy) and clock() < end:
            now = clock()
            while i < len(plan) and start + plan[i][0] <= now:
                at, stream = plan[i]
                waiting.append((start + at, stream, payload(stream, self.sent.next(stream), start + at, size), False))
                i += 1
            held = []
            while waiting and idle and now >= away_until:
                item = waiting.popleft()
                if item[1] in streams_out:
                    held.append(item)
                    continue
                channel = idle.pop()
                try:
                    sent_at = clock()
                    channel.send(item[1], item[2])
                except OSError:
                    channel.close()
                    idle.append(channel)
                    held.append(item)
                    away_until = clock() + 10_000_000
                    continue
                if not item[3]:
                    late.append(sent_at - item[0])
                streams_out.add(item[1])
                busy[channel] = (item, sent_at)
            waiting.extendleft(reversed(held))
            wake = start + plan[i][0] if i < len(plan) else now + 50_000_000
            if waiting:
                wake = min(wake, away_until if away_until > now else now + 5_000_000)
            for channel in select.select(list(busy), [], [], max(0, min(wake, end) - clock()) / 1e9)[0]:
                item, sent_at = busy[channel]
                try:
                    result = channel.result()
                except OSError:
                    channel.close()
                    result = (False, 0)
                if result is None:
                    continue
                del busy[channel]
                idle.append(channel)
                streams_out.discard(item[1])
                statuses[result[1]] += 1
                if result[0]:
                    answered.append(clock() - sent_at)
                elif result[1] == 0 or result[1] >= 500:
                    retried += 1
                    waiting.appendleft((*item[:3], True))
                    away_until = clock() + 10_000_000
                else:
                    dropped += 1
        for channel in [*idle, *busy]:
            channel.close()
        return {"planned": len(plan), "acknowledged": len(answered), "statuses": statuses, "retried": retried, "refused": dropped, "first_ns": start,
                "unsent": len(plan) - i, "unanswered": len(waiting) + len(busy), "late_ms": percentiles(late), "answer_ms": percentiles(answered)}
