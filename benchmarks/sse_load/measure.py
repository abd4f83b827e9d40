"""Compares SSE servers on one box: memory, latency, fan-out, CPU, kill -9 and resume. See README.md.

measure.py run nchan mercure:transport=bolt --n 1000,10000,19000 --rounds 2
measure.py ceiling            what the generator itself can take, against ssedumb
measure.py noise              how long this box stops a program that only looks at the clock
"""
import argparse
import hashlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from load import HERE, Dumb, Load
from peer import Described, Publisher, Sent, at_rate, status_of

TICK = os.sysconf("SC_CLK_TCK")


# ---- the process tree ----------------------------------------------------------------------------------------------------------------

def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()


def tree(root):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents.setdefault(int(stat_fields(name)[1]), []).append(int(name))
            except (OSError, IndexError):
                pass
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        if os.path.exists(f"/proc/{pid}"):
            found.append(pid)
        todo += parents.get(pid, [])
    return found


def pss_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def cpu_s(pids):
    """utime + stime in seconds, with those of children already waited for."""
    return sum(sum(map(int, stat_fields(pid)[11:15])) for pid in pids) / TICK


def cpu_fine_s(pids):
    """Time on a CPU of all threads still alive, from schedstat: nanoseconds where utime + stime has ticks."""
    total = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
    return total / 1e9


def kernel_kib():
    """Slab and TCP buffers of the whole box: both ends of every connection."""
    with open("/proc/meminfo") as f:
        slab = next(int(line.split()[1]) for line in f if line.startswith("Slab:"))
    with open("/proc/net/sockstat") as f:
        pages = next(int(line.split()[-1]) for line in f if line.startswith("TCP:"))
    return slab + pages * resource.getpagesize() // 1024


def box_busy(seconds=1.0):
    """Share of all CPU time that somebody else uses now."""
    def read():
        with open("/proc/stat") as f:
            v = list(map(int, f.readline().split()[1:9]))
        return sum(v), v[3] + v[4]
    total, idle = read()
    time.sleep(seconds)
    total2, idle2 = read()
    return round(1 - (idle2 - idle) / max(1, total2 - total), 3)


def noise(cpu, seconds=3):
    """Gaps a spinning program sees on one CPU: what no server can be blamed for."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.sched_setaffinity(0, {cpu})
            clock, gaps, last = time.monotonic_ns, [], time.monotonic_ns()
            end = last + int(seconds * 1e9)
            while last < end:
                now = clock()
                if now - last > 50_000:
                    gaps.append(now - last)
                last = now
            os.write(write, json.dumps({"cpu": cpu, "seconds": seconds, "over_50us": len(gaps), "over_1ms": sum(g > 1e6 for g in gaps), "max_ms": max(gaps, default=0) / 1e6}).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


# ---- the server ----------------------------------------------------------------------------------------------------------------------

def adapter(spec):
    """`name`, `path.py` or `path.json`, then `:key=value,key=value`."""
    name, _, rest = spec.partition(":")
    options = dict(pair.split("=", 1) for pair in rest.split(",") if pair)
    if name.endswith(".json"):
        with open(name) as f:
            return Described, {**options, "described": json.load(f)}
    path = name if name.endswith(".py") else os.path.join(HERE, "adapters", f"{name}.py")
    module_spec = importlib.util.spec_from_file_location(f"adapter_{os.path.basename(path)[:-3]}", path)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return module.Adapter, options


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, peer, cpus):
        self.peer, self.cpus, self.process = peer, cpus, None
        self.log = open(os.path.join(peer.workdir, "server.log"), "ab")

    def child(self):
        os.sched_setaffinity(0, self.cpus)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def start(self, timeout=30):
        """Starts and waits until it answers; returns the seconds that took."""
        began = time.monotonic()
        self.process = subprocess.Popen(self.peer.command(), cwd=self.peer.workdir, env=self.peer.environment(), stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=self.child)
        while not self.peer.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.peer.name} ended with {self.process.returncode}: {self.tail()}")
            if time.monotonic() - began > timeout:
                raise TimeoutError(f"{self.peer.name} not ready in {timeout} s: {self.tail()}")
            time.sleep(0.005)
        return time.monotonic() - began

    def tail(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()[-500:]

    def pids(self):
        return tree(self.process.pid)

    def kill(self):
        """kill -9 to the whole tree, parent first; returns the seconds until the last of it is gone."""
        pids = self.pids()
        began = time.monotonic()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(30)
        while any(os.path.exists(f"/proc/{pid}") and stat_fields(pid)[0] != "Z" for pid in pids[1:]) and time.monotonic() - began < 30:
            time.sleep(0.001)
        return time.monotonic() - began

    def kill_serving(self, timeout=30):
        """kill -9 to the processes below the first, which must replace them; returns the seconds until they are gone and until it answers again."""
        began, pids = time.monotonic(), self.pids()[1:]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        while any(os.path.exists(f"/proc/{pid}") and stat_fields(pid)[0] != "Z" for pid in pids):
            time.sleep(0.001)
        gone = time.monotonic() - began
        while not self.peer.ready():
            if time.monotonic() - began > timeout:
                raise TimeoutError(f"{self.peer.name} did not come back in {timeout} s: {self.tail()}")
            time.sleep(0.005)
        return gone, time.monotonic() - began - gone

    def stop(self):
        if self.process and self.process.poll() is None:
            pids = self.pids()
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            for pid in pids:
                if os.path.exists(f"/proc/{pid}") and (pid == self.process.pid or os.getsid(pid) == self.process.pid):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait(10)
        self.log.close()


# ---- one run -------------------------------------------------------------------------------------------------------------------------

def ms(h, *names):
    return {n: h[n] for n in names} if h else None


def bound_by_generator(stat):
    """The figure is the generator's own when the generator was busy, or read late what had come long ago."""
    latency, lag = stat["latency_ms"], stat["lag_ms"]
    return stat["busy_peak"] > 0.8 or bool(latency and lag and lag["p99"] > max(1.0, latency["p99"] / 4))


def trouble(stat):
    return {k: stat[k] for k in ("gaps", "missing", "duplicates", "reordered", "stale", "wrong_stream", "from_future", "reconnects", "ended", "cut", "reset", "timeouts",
                                 "bad_http", "bad_chunk", "bad_type", "bad_sse", "ids_too_long") if stat[k]} | ({"status": stat["status"]} if stat["status"] else {})


class Run:
    """One server at one number of streams, start to end."""

    def __init__(self, spec, n, args):
        self.args, self.n = args, n
        kind, options = adapter(spec)
        self.peer = kind(free_port(), tempfile.mkdtemp(prefix="sse-"), n, dict(options))
        told = ",".join(f"{k}={v}" for k, v in options.items() if k != "described" and "/" not in v)
        self.result = {"server": self.peer.name + (":" + told if told else ""), "tested_adapter": self.peer.tested, "n": n}
        self.sent, self.unpublished = Sent(n), 0

    def go(self):
        result, args = self.result, self.args
        config = self.peer.prepare()
        result |= {"version": self.peer.version(), "config_sha256": hashlib.sha256(config.replace(self.peer.workdir, "").replace(str(self.peer.port), "").encode()).hexdigest()[:16],
                   "box_busy_before": box_busy(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        self.server = Server(self.peer, args.server_cpus)
        self.load = None
        try:
            result["boot_s"] = round(self.server.start(), 3)
            self.check_refusal()
            time.sleep(2)
            self.start_load()
            self.memory_idle()
            for phase in ("unicast", "broadcast", "flood"):
                if phase not in args.skip:
                    getattr(self, phase)()
            self.memory_after()
            if "kill" not in args.skip:
                self.kill()
            self.account()
        except Exception as e:
            result["error"] = f"{type(e).__name__}: {e}"
        finally:
            if self.load:
                self.load.kill()
            self.server.stop()
            self.peer.close()
            shutil.rmtree(self.peer.workdir, ignore_errors=True)
        return result

    def check_refusal(self):
        request = self.peer.refused_request()
        if request:
            self.result["bad_credentials_status"] = status_of(self.peer.port, request.encode())

    def start_load(self):
        args, d = self.args, self.peer.workdir
        with open(os.path.join(d, "request"), "w") as f:
            f.write(self.peer.request())
        with open(os.path.join(d, "list"), "w") as f:
            f.writelines("\t".join(self.peer.fields(i)) + "\n" for i in range(self.n))
        self.load = Load(self.peer.port, self.n, "--request", f.name.replace("/list", "/request"), "--list", f.name, "--first-seq", "1", "--reconnect", args.reconnect,
                         "--jitter", str(args.jitter), "--rate", str(max(100, self.n / args.spread)), "--inflight", str(args.inflight), *self.peer.load_options(),
                         procs=args.procs, seconds=args.limit, cpus=args.load_cpus)

    def memory(self):
        pids = self.server.pids()
        return pss_kib(pids), kernel_kib()

    def memory_idle(self):
        """Slope between N/2 and N, each after a quiet time: what one more stream costs."""
        pss0, kernel0 = self.memory()
        half = self.n // 2
        self.opened(half)
        time.sleep(self.args.quiet)
        pss1, _ = self.memory()
        self.opened(self.n)
        pids = self.server.pids()
        time.sleep(min(2, self.args.quiet / 2))
        cpu, at = cpu_fine_s(pids), time.monotonic()
        time.sleep(max(0.5, self.args.quiet - 2))
        self.idle_rate = (cpu_fine_s(pids) - cpu) / (time.monotonic() - at)
        pss2, kernel2 = self.memory()
        self.pss0 = pss0
        stat = self.load.tell("stat")
        self.result["open"] = {"over_s": self.args.spread, "connect_ms": ms(stat["connect_ms"], "p50", "p99", "max"), "trouble": trouble(stat)}
        self.result["idle"] = {"base_mib": round(pss0 / 1024, 1), "pss_kib_per_stream": round((pss2 - pss1) / (self.n - half), 2), "from_zero_kib": round((pss2 - pss0) / self.n, 2),
                               "kernel_kib_both_ends": round((kernel2 - kernel0) / self.n, 2), "cpu_percent": round(100 * self.idle_rate, 2), "processes": len(pids)}

    def opened(self, n):
        got = self.load.open(n, 90)
        if got["live"] < n:
            raise RuntimeError(f"only {got['live']} of {n} streams live: {trouble(self.load.tell('stat'))}")

    def traffic(self, plan, expected, patience):
        """Publishes a plan, waits for what must arrive; returns the generator's and the publisher's reports and the server's CPU use."""
        pids = self.server.pids()
        self.load.tell("phase")
        cpu, fine, at = cpu_s(pids), cpu_fine_s(pids), time.monotonic()
        publisher = Publisher(self.peer, plan, self.sent, self.args.payload, seconds=plan[-1][0] / 1e9 + patience, cpus=self.args.load_cpus).join()
        self.unpublished += publisher["refused"] + publisher["unanswered"]
        self.load.tell(f"wait_events {expected} {patience}", patience + 10)
        time.sleep(0.1)
        wall = time.monotonic() - at
        used = {"ticks": cpu_s(pids) - cpu, "fine": cpu_fine_s(pids) - fine, "idle": self.idle_rate * wall}
        return self.load.tell("stat"), publisher, used

    def common(self, stats, publishers, used, expected):
        """used: list of CPU uses. Idle CPU (heartbeats) is taken off only in the net figure."""
        events = sum(s["events"] - s["duplicates"] for s in stats)
        ticks, fine, idle = (sum(u[k] for u in used) for k in ("ticks", "fine", "idle"))
        per = lambda seconds: round(1e6 * seconds / events, 2) if events else None
        return {"expected": expected, "delivered": events, "cpu_us": per(ticks), "cpu_us_schedstat": per(fine), "cpu_us_net_of_idle": per(max(0.0, fine - idle)),
                "generator": {"busy": max(s["busy"] for s in stats), "busy_peak": max(s["busy_peak"] for s in stats), "lag_ms": ms(stats[-1]["lag_ms"], "p50", "p99", "max")},
                "generator_bound": any(map(bound_by_generator, stats)), "trouble": [t for t in map(trouble, stats) if t],
                "publisher": {"statuses": publishers[-1]["statuses"], **{k: sum(p[k] for p in publishers) for k in ("retried", "refused", "unsent", "unanswered")},
                              "late_ms": publishers[-1]["late_ms"], "answer_ms": publishers[-1]["answer_ms"]}}

    def unicast(self):
        plan = at_rate(self.args.unicast_rate, self.args.unicast_s, self.n, seed=self.n)
        stat, publisher, used = self.traffic(plan, len(plan), 10)
        self.result["unicast"] = {"rate": self.args.unicast_rate, "latency_ms": ms(stat["latency_ms"], "p50", "p90", "p99", "p999", "max")} | self.common([stat], [publisher], [used], len(plan))

    def broadcast(self):
        """One event to all at a time, well apart."""
        runs = []
        for _ in range(self.args.broadcasts):
            runs.append(self.traffic([(0, None)], self.n, 20))
            time.sleep(0.5)
        stats, publishers, used = zip(*runs)
        maxima = [s["latency_ms"]["max"] for s in stats if s["latency_ms"]]
        middle = sorted(stats, key=lambda s: s["latency_ms"]["max"] if s["latency_ms"] else 0)[len(stats) // 2]
        self.result["broadcast"] = {"times": len(runs), "latency_ms_of_median_run": ms(middle["latency_ms"], "p50", "p99", "max"), "last_client_ms": maxima,
                                    "deliveries_per_s": round(self.n / statistics.median(maxima) * 1000) if maxima else None,
                                    } | self.common(stats, publishers, used, self.n * len(runs))

    def flood(self):
        """Many events to all as fast as they are acknowledged: the most the server can deliver."""
        k = self.args.flood
        stat, publisher, used = self.traffic([(0, None)] * k, self.n * k, 60)
        seconds = (stat["last_ns"] - publisher["first_ns"]) / 1e9
        self.result["flood"] = {"events": k, "deliveries_per_s": round(stat["events"] / seconds) if stat["events"] else None, "seconds": round(seconds, 3),
                                "events_per_read": round(stat["events"] / stat["reads"], 2) if stat["reads"] else None} | self.common([stat], [publisher], [used], self.n * k)

    def memory_after(self):
        time.sleep(self.args.quiet)
        pss, _ = self.memory()
        self.result["after"] = {"pss_kib_per_stream_from_zero": round((pss - self.pss0) / self.n, 2), "rise_kib": round((pss - self.pss0) / self.n - self.result["idle"]["from_zero_kib"], 2)}

    def kill(self):
        """kill -9 under light traffic that the publisher repeats until acknowledged; restarted at once; every stream comes back with its last id."""
        args = self.args
        plan = at_rate(args.kill_rate, args.kill_s, self.n, seed=self.n + 1)
        self.load.tell("phase")
        publisher = Publisher(self.peer, plan, self.sent, args.payload, seconds=args.kill_s + 30, cpus=args.load_cpus)
        time.sleep(min(2, args.kill_s / 3))
        self.load.tell(f"rate {args.rate}")
        self.load.tell("epoch")
        began = time.monotonic()
        gone, boot = self.server.kill_serving() if args.kill_what == "serving" else (self.server.kill(), self.server.start())
        up = time.monotonic() - began
        resumed = self.load.tell("wait_resumed 60", 90)
        published = publisher.join()
        self.unpublished += published["refused"] + published["unanswered"]
        time.sleep(1)
        stat = self.load.tell("stat")
        # Where no channel is shared, an event to all is an event to each: nothing that one publication could tell.
        alive = self.traffic([(0, None)], self.n, 20)[0] if self.peer.has_channel_for_all else None
        self.result["kill"] = {"gone_ms": round(gone * 1000, 1), "boot_ms": round(boot * 1000, 1), "answering_after_ms": round(up * 1000, 1), "all_resumed": resumed["reached"] and stat["resume_got"] == self.n,
                               "resumed": stat["resume_got"], "failed": stat["resume_failed"], "resume_ms": ms(stat["resume_ms"], "p50", "p99", "max"), "refused_connects": stat["refused"],
                               "published": {k: published[k] for k in ("planned", "acknowledged", "retried", "refused", "unsent", "unanswered", "statuses")},
                               "received": stat["events"], "trouble": trouble(stat), "reached_by_next_broadcast": alive and alive["events"] - alive["duplicates"]}

    def account(self):
        """Every stream's own account against what was published to it, over the whole run."""
        rows = self.load.streams(os.path.join(self.peer.workdir, "dump"), self.args.procs)
        tail = sum(max(0, self.sent.one[i] - r["last0"]) + max(0, self.sent.all - r["last1"]) for i, r in rows.items())
        inside = sum(r["missing"] for r in rows.values())
        total = self.load.quit()
        self.result["account"] = {"published_to_one": sum(self.sent.one), "published_to_all": self.sent.all, "never_acknowledged": self.unpublished, "received": total["events"], "lost": tail + inside, "lost_streams": sum(
            1 for i, r in rows.items() if r["missing"] or self.sent.one[i] > r["last0"] or self.sent.all > r["last1"]), "duplicates": total["duplicates"], "reordered": total["reordered"],
            "stale": total["stale"], "wrong_stream": total["wrong_stream"], "heartbeats": total["comments"] + total["other_events"]}


# ---- tables --------------------------------------------------------------------------------------------------------------------------

def dig(d, path):
    for key in path.split("."):
        d = d.get(key) if isinstance(d, dict) else None
    return d


COLUMNS = (("N", "n"), ("PSS idle KiB", "idle.pss_kib_per_stream"), ("after KiB", "after.pss_kib_per_stream_from_zero"), ("kernel KiB", "idle.kernel_kib_both_ends"), ("connect p99 ms", "open.connect_ms.p99"),
           ("idle CPU %", "idle.cpu_percent"), ("uni p50", "unicast.latency_ms.p50"), ("p99", "unicast.latency_ms.p99"), ("p99.9 ms", "unicast.latency_ms.p999"),
           ("bcast last ms", "broadcast.latency_ms_of_median_run.max"), ("bcast del/s", "broadcast.deliveries_per_s"), ("flood del/s", "flood.deliveries_per_s"),
           ("CPU us uni", "unicast.cpu_us_net_of_idle"), ("bcast", "broadcast.cpu_us"), ("flood", "flood.cpu_us"), ("resume p50", "kill.resume_ms.p50"), ("all ms", "kill.resume_ms.max"),
           ("lost", "account.lost"), ("dup", "account.duplicates"), ("reord", "account.reordered"))


def row(result):
    flags = "".join(letter for letter, phase in (("u", "unicast"), ("b", "broadcast"), ("f", "flood")) if dig(result, f"{phase}.generator_bound"))
    values = [result["server"] + ("" if result["tested_adapter"] else " (UNTESTED adapter)")] + [dig(result, path) for _, path in COLUMNS]
    return "| " + " | ".join("-" if v is None else str(v) for v in values) + f" | {flags or '-'} | {result.get('error', '-')} |"


def table(results):
    heads = ["server"] + [name for name, _ in COLUMNS] + ["generator-bound", "error"]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)] + [row(r) for r in results])


def medians(results):
    """One line per server and N: medians over the rounds."""
    groups = {}
    for r in results:
        groups.setdefault((r["server"], r["n"]), []).append(r)
    lines = []
    for (server, n), rs in groups.items():
        cells = []
        for _, path in COLUMNS[1:]:
            values = [v for v in (dig(r, path) for r in rs) if v is not None]
            cells.append("-" if not values else f"{statistics.median(values):g} ({min(values):g}..{max(values):g})" if len(values) > 1 else f"{values[0]:g}")
        lines.append(f"| {server} | {n} | " + " | ".join(cells) + " |")
    heads = ["server"] + [name for name, _ in COLUMNS]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *lines])


# ---- commands ------------------------------------------------------------------------------------------------------------------------

def box(args):
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    return {"kernel": os.uname().release, "cpu": model, "cpus": os.cpu_count(), "server_cpus": sorted(args.server_cpus), "load_cpus": sorted(args.load_cpus),
            "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1], "noise": [noise(cpu) for cpu in sorted(args.server_cpus | args.load_cpus)]}


def run_command(args):
    record = box(args) | {"settings": {k: (sorted(v) if isinstance(v, set) else v) for k, v in vars(args).items() if k != "go"}}
    print(json.dumps(record), flush=True)
    results = []
    for n in args.n:
        for r in range(args.rounds):
            for spec in args.servers if r % 2 == 0 else args.servers[::-1]:  # A B, then B A
                result = Run(spec, n, args).go() | {"round": r}
                results.append(result)
                print(json.dumps(result) if args.verbose else row(result), file=sys.stderr, flush=True)
                if args.out:
                    with open(args.out, "a") as f:
                        f.write(json.dumps({"box": record, **result}) + "\n")
                time.sleep(2)
    print(table(results))
    if args.rounds > 1:
        print("\nmedians (lowest..highest)\n" + medians(results))


def drain(load, dumb, n, per_write):
    """The generator stands still while the server fills the sockets, then reads: its ceiling with nobody else at work."""
    load.tell("hold")
    dumb.tell(f"burst 1 {per_write}")
    load.tell("phase")
    load.tell("release")
    load.tell(f"wait_events {n * per_write} 20")
    stat = load.tell("stat")
    return round(stat["events"] / stat["since_release_s"]) if stat["since_release_s"] else None


def ceiling(args, n, procs, spin, load_cpus):
    dumb = Dumb("-s", "300", cpus=args.server_cpus)
    load = Load(dumb.port, n, "--first-seq", "1", "--reconnect", "now", "--rate", str(args.rate), "--inflight", str(args.inflight), *(["--spin"] if spin else []), procs=procs, cpus=load_cpus)
    out = {"n": n, "procs": procs, "spin": spin, "load_cpus": sorted(load_cpus)}
    try:
        began = time.monotonic()
        got = load.open(n)
        out["opens_per_s"] = round(got["live"] / (time.monotonic() - began))
        load.tell("phase")
        sent = dumb.tell(f"uni {args.unicast_rate} {args.unicast_s}")
        time.sleep(0.3)
        stat = load.tell("stat")
        out["unicast"] = {"rate": args.unicast_rate, "events": stat["events"], "latency_ms": ms(stat["latency_ms"], "p50", "p99", "p999", "max"), "sender_late_ms": ms(sent["late_ms"], "p50", "p99", "p999", "max"),
                          "lag_ms": ms(stat["lag_ms"], "p50", "p99", "max"), "busy": stat["busy"]}
        last = []
        for _ in range(args.broadcasts):
            load.tell("phase")
            dumb.tell("burst 1")
            load.tell(f"wait_events {n} 20")
            stat = load.tell("stat")
            last.append(stat["latency_ms"]["max"])
            time.sleep(0.3)
        out["broadcast"] = {"last_client_ms": last, "deliveries_per_s": round(n / statistics.median(last) * 1000)}
        load.tell("phase")
        took = dumb.tell(f"burst {args.flood}")["took_s"]
        load.tell(f"wait_events {n * args.flood} 60")
        stat = load.tell("stat")
        out["flood"] = {"deliveries_per_s": round(stat["events"] / max(took, stat["span_s"])), "events": stat["events"], "missing": stat["missing"], "busy": stat["busy"], "busy_peak": stat["busy_peak"],
                        "lag_ms": ms(stat["lag_ms"], "p50", "p99", "max")}
        out["drain_per_s"] = sorted(drain(load, dumb, n, 1) for _ in range(5))
        out["drain_16_events_a_read_per_s"] = sorted(drain(load, dumb, n, 16) for _ in range(3))
        load.tell("epoch")
        dumb.stop()
        dumb = Dumb("-s", "300", port=dumb.port, cpus=args.server_cpus)
        load.tell("wait_resumed 30")
        out["resume_ms"] = ms(load.tell("stat")["resume_ms"], "p50", "p99", "max")
        total = load.quit()
        out["total"] = {"events": total["events"], "trouble": trouble(total)}
    finally:
        load.kill()
        dumb.stop()
    return out


def ceiling_command(args):
    print(json.dumps(box(args)), flush=True)
    every = args.server_cpus | args.load_cpus
    for n, procs, spin, cpus in [(n, 1, False, args.load_cpus) for n in args.n] + [(args.n[-1], 1, True, args.load_cpus), (args.n[-1], 2, False, every)]:
        print(json.dumps(ceiling(args, n, procs, spin, cpus)), flush=True)


def noise_command(args):
    for cpu in sorted(args.server_cpus | args.load_cpus):
        print(json.dumps(noise(cpu, 10)))


def numbers(text):
    return [int(x) for x in text.split(",")]


def cpus(text):
    return set(numbers(text))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    last = max(os.sched_getaffinity(0))
    for name, go, help_ in (("run", run_command, "compare servers"), ("ceiling", ceiling_command, "prove the generator"), ("noise", noise_command, "look at the box")):
        s = sub.add_parser(name, help=help_)
        s.set_defaults(go=go)
        s.add_argument("--server-cpus", type=cpus, default={min(os.sched_getaffinity(0))}, help="CPUs of the server (the first)")
        s.add_argument("--load-cpus", type=cpus, default={last}, help="CPUs of generator and publisher (the last)")
        if name == "noise":
            continue
        s.add_argument("--n", type=numbers, default=[19000], help="streams: 1000,10000,19000")
        s.add_argument("--rate", type=int, default=100000, help="connections a second (run: when they come back after the kill)")
        s.add_argument("--inflight", type=int, default=1000, help="connections without an answer at a time")
        s.add_argument("--unicast-rate", type=int, default=500)
        s.add_argument("--unicast-s", type=int, default=20)
        s.add_argument("--broadcasts", type=int, default=5)
        s.add_argument("--flood", type=int, default=20, help="events to all, one after the other without a pause")
    s = sub.choices["run"]
    s.add_argument("servers", nargs="+", help="adapter name or file (.py, .json), with options: nchan  nchan:workers=2  ./mine.json:key=value")
    s.add_argument("--rounds", type=int, default=1, help="A B, then B A, ...")
    s.add_argument("--procs", type=int, default=1, help="generator processes")
    s.add_argument("--quiet", type=float, default=20, help="seconds of silence before memory is read; longer than the heartbeat, so that idle CPU holds one")
    s.add_argument("--spread", type=float, default=15, help="seconds over which the streams are opened, so that heartbeats do not come in one lump")
    s.add_argument("--payload", type=int, default=220, help="bytes of one event's JSON")
    s.add_argument("--kill-rate", type=int, default=100)
    s.add_argument("--kill-s", type=int, default=8)
    s.add_argument("--kill-what", choices=("tree", "serving"), default="tree", help="the whole server, or the processes that serve, which the first one replaces")
    s.add_argument("--reconnect", default="now", help="now | server | MILLISECONDS")
    s.add_argument("--jitter", type=int, default=0, help="milliseconds")
    s.add_argument("--limit", type=int, default=400, help="longest life of one run, seconds")
    s.add_argument("--skip", type=lambda t: t.split(","), default=[], help="unicast,broadcast,flood,kill")
    s.add_argument("--out", help="append each result as a JSON line to this file")
    s.add_argument("--verbose", action="store_true")
    args = p.parse_args()
    args.go(args)


if __name__ == "__main__":
    main()
