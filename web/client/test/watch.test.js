// The stream against a relay that plays every trick, over real HTTP.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { NetworkError, ProblemError, StreamError, createClient } from "../index.js";
import { collected, later, serving } from "./helpers.js";

const ID = "01KAXE6M2T8V4N9Q5R7S3W1Y0Z";
const STEPS = [
  ["upgrade_initiated", "initiated"],
  ["burn_pending", "burn_pending"],
  ["burn_confirmed", "burn_confirmed"],
  ["mint_started", "mint_pending"],
  ["upgrade_completed", "completed"],
];
const TIMESTAMP = "2026-11-24T06:20:00.000Z";
const own = (type, status, sequence, data) => {
  const event = { type, upgradeRequestId: ID, status, message: "m", timestamp: TIMESTAMP, sequence };
  return data ? { ...event, data } : event;
};
const COMPLETED = { oldLevel: 1, newLevel: 2, newNftId: "N", mintTransactionHash: "S" };
const events = STEPS.map(([type, status], index) => own(type, status, index + 1, status === "completed" ? COMPLETED : undefined));
const message = (event, id = event.sequence) => `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
const established = (position, currentSequence, status = "initiated") =>
  "retry: 5\n" + message(own("connection_established", status, position, { currentSequence }));
const sequences = (found) => found.map((event) => event.sequence);

/** The relay and the API: one answer per stream, in turn; the last one again and again. */
class Backend {
  constructor(streams, { history = events, isApiDown = false } = {}) {
    this.streams = streams;
    this.history = history;
    this.isApiDown = isApiDown;
    this.lastIds = [];
    this.authorizations = [];
    this.questions = 0;
    this.closed = 0;
  }

  async start() {
    this.server = await serving((request, response) => {
      if (request.url.endsWith("/status")) return this.status(response);
      this.lastIds.push(request.headers["last-event-id"]);
      this.authorizations.push(request.headers.authorization);
      response.on("close", () => this.closed++);
      const play = this.streams[Math.min(this.lastIds.length, this.streams.length) - 1];
      return play(response, request);
    });
    running.push(this.server);
    const session = { accessToken: "T", expiresAt: TIMESTAMP, user: { id: "A", wallet: "A" } };
    this.client = createClient({ baseUrl: this.server.url, session, retries: 0, timing: TIMING });
    return this;
  }

  status(response) {
    this.questions++;
    if (this.isApiDown) return response.destroy();
    const status = this.history.at(-1).status;
    const upgradeRequest = { id: ID, status, currentLevel: 1, targetLevel: 2, newNftId: "N", mintTransactionHash: "S", updatedAt: TIMESTAMP };
    const statusHistory = this.history.map(({ data, upgradeRequestId, ...entry }) => ({ ...entry, code: data?.code ?? null }));
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify({ success: true, upgradeRequest, statusHistory, canRetry: false }));
  }

  watch(options) {
    const states = [];
    const found = collected(this.client.upgrades.watch(ID, { onState: (told) => states.push(told), ...options }));
    return { found, states };
  }
}

const TIMING = { firstByteMs: 20_000, silenceMs: 20_000, pollMs: 20, streamAgainMs: 20_000 };
/** Where silence is what a test is about; long enough for a machine that is busy. */
const IMPATIENT = { firstByteMs: 400, silenceMs: 600 };
const running = [];
afterEach(() => Promise.all(running.splice(0).map((server) => server.close())));
const playing = (...given) => new Backend(...given).start();

const head = (response) => response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
/** A stream with these texts, then the end. */
const telling = (...texts) => (response) => {
  head(response);
  for (const text of texts) response.write(text);
  response.end();
};
/** The same, but cut instead of ended. */
const cut = (...texts) => (response) => {
  head(response);
  response.write(texts.join(""), () => setTimeout(() => response.destroy(), 20));
};
/** The same, but it stays open. */
const open = (...texts) => (response) => {
  head(response);
  response.write(texts.join(""));
};
const refusing = (status, body) => (response) => {
  response.writeHead(status, { "Content-Type": "application/problem+json" });
  response.end(JSON.stringify(body));
};
const gone = (response) => response.writeHead(204).end();
const all = (from = 0) => [established(from, 5, "completed"), ...events.slice(from).map((event) => message(event))];

test("every event comes once and in order, and the end is the end", async () => {
  const backend = await playing([telling(...all())]);
  const { found, states } = backend.watch();
  assert.deepEqual(await found, events);
  assert.deepEqual(states.map(({ state }) => state), ["connecting", "live", "ended"]);
  assert.equal(states[1].status, "completed");
  await later(50);
  assert.deepEqual([backend.lastIds, backend.authorizations], [[undefined], ["Bearer T"]]);
});

test("a stream that is cut within a message goes on after the last whole one", async () => {
  const half = message(events[2]).slice(0, 30);
  const backend = await playing([cut(established(0, 3), message(events[0]), message(events[1]), half), telling(...all(2))]);
  const { found, states } = backend.watch();
  assert.deepEqual(await found, events);
  assert.deepEqual(backend.lastIds, [undefined, "2"]);
  const waiting = states.find(({ state }) => state === "waiting");
  assert.ok(waiting.error instanceof NetworkError);
  assert.equal(backend.questions, 0);
});

test("the server's retry is honoured", async () => {
  const slow = established(0, 1).replace("retry: 5", "retry: 120");
  const backend = await playing([telling(slow, message(events[0])), telling(...all(1))]);
  const begun = performance.now();
  const { found, states } = backend.watch();
  assert.deepEqual(await found, events);
  assert.ok(performance.now() - begun >= 120);
  const { delayMs } = states.find(({ state }) => state === "waiting");
  assert.ok(delayMs >= 120 && delayMs <= 180);
});

test("watching again after a reload starts from what was seen, or from the beginning", async () => {
  const backend = await playing([telling(...all(3)), telling(...all())]);
  assert.deepEqual(sequences(await backend.watch({ lastEventId: 3 }).found), [4, 5]);
  assert.deepEqual(sequences(await backend.watch().found), [1, 2, 3, 4, 5]);
  assert.deepEqual(backend.lastIds, ["3", undefined]);
});

test("a stream that is over is not asked for again", async () => {
  const backend = await playing([gone]);
  assert.deepEqual(await backend.watch({ lastEventId: 5 }).found, []);
  await later(50);
  assert.equal(backend.lastIds.length, 1);
});

test("the last event ends the watching even if somebody holds the connection open", async () => {
  const backend = await playing([open(...all())]);
  assert.deepEqual(await backend.watch().found, events);
  await later(50);
  assert.equal(backend.closed, 1);
});

test("an end in the past is none: a late burn follows it", async () => {
  const history = [
    own("upgrade_initiated", "initiated", 1),
    own("upgrade_cancelled", "cancelled", 2),
    own("burn_confirmed", "burn_confirmed", 3),
    own("upgrade_completed", "completed", 4),
  ];
  const backend = await playing([telling(established(0, 4, "completed"), ...history.map((event) => message(event)))]);
  assert.deepEqual(sequences(await backend.watch().found), [1, 2, 3, 4]);
});

test("an evicted stream never comes back", async () => {
  const evicted = own("evicted", "initiated", 1);
  const backend = await playing([telling(established(0, 1), message(events[0]), message(evicted, "evicted.1"))]);
  await assert.rejects(backend.watch().found, (error) => error instanceof StreamError && error.code === "evicted" && !error.retryable);
  await later(100);
  assert.equal(backend.lastIds.length, 1);
});

test("a session's end ends the stream, which is not asked for again", async () => {
  const ending = own("session_expiring", "initiated", 1);
  const backend = await playing([telling(established(0, 1), message(events[0]), message(ending, 1))]);
  await assert.rejects(backend.watch().found, { name: "StreamError", code: "session_expiring" });
  await later(100);
  assert.equal(backend.lastIds.length, 1);
});

test("who is not signed in, or asks for another's upgrade, is told so and does not come back", async () => {
  for (const [status, code] of [[401, "invalid_token"], [404, "upgrade_not_found"], [403, "wrong_origin"], [400, "token_in_url"]]) {
    const backend = await playing([refusing(status, { code, status, detail: "No.", retryable: false })]);
    await assert.rejects(backend.watch().found, (error) => error instanceof ProblemError && error.code === code);
    await later(50);
    assert.deepEqual([backend.lastIds.length, backend.questions], [1, 0]);
  }
});

test("an overloaded relay's calm answer is waited out", async () => {
  const backend = await playing([telling("retry: 30\n\n"), telling(...all())]);
  const { found, states } = backend.watch();
  assert.deepEqual(await found, events);
  const { delayMs } = states.find(({ state }) => state === "waiting");
  assert.ok(delayMs >= 30 && delayMs <= 45);
});

test("a history that starts over is told, and starts over", async () => {
  const reset = own("reset", "completed", 0);
  const backend = await playing([telling(established(0, 5), message(reset, 0), ...all().slice(1))]);
  const found = await backend.watch({ lastEventId: 9 }).found;
  assert.deepEqual(found.map((event) => event.type), ["reset", ...STEPS.map(([type]) => type)]);
});

test("what was seen already is dropped", async () => {
  const backend = await playing([telling(established(2, 5), ...events.map((event) => message(event)))]);
  assert.deepEqual(sequences(await backend.watch({ lastEventId: 2 }).found), [3, 4, 5]);
});

test("a hole is never passed over: the stream is asked again from before it", async () => {
  const backend = await playing([telling(established(0, 5), message(events[0]), message(events[3])), telling(...all(1))]);
  assert.deepEqual(await backend.watch().found, events);
  assert.deepEqual(backend.lastIds, [undefined, "1"]);
});

test("a page in the stream's place is not believed, whatever it says", async () => {
  const page = (response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(all().join(""));
  };
  const backend = await playing([page, telling(...all())]);
  const { found, states } = backend.watch();
  assert.deepEqual(await found, events);
  assert.equal(states[1].error.code, "unexpected_answer");
});

test("what cannot be read is not believed: the stream is asked again", async () => {
  const backend = await playing([telling(established(0, 5), message(events[0]), "id: 2\ndata: {broken\n\n"), telling(...all(1))]);
  assert.deepEqual(await backend.watch().found, events);
  assert.deepEqual(backend.lastIds, [undefined, "1"]);
});

const GARBAGE = {
  null: "null",
  "a number": "5",
  "a text": '"x"',
  "a list": "[]",
  "an event without a sequence": JSON.stringify({ type: "burn_pending", status: "burn_pending" }),
  "a sequence that is a text": JSON.stringify({ type: "burn_pending", status: "burn_pending", sequence: "2" }),
  "a sequence between two": JSON.stringify({ type: "burn_pending", status: "burn_pending", sequence: 1.5 }),
  "an event without a type": JSON.stringify({ status: "burn_pending", sequence: 2 }),
};
for (const [name, data] of Object.entries(GARBAGE)) {
  test(`${name} in a stream is no event: the stream is asked again, later`, async () => {
    const backend = await playing([telling(established(0, 5), message(events[0]), `data: ${data}\n\n`), telling(...all(1))]);
    const { found, states } = backend.watch();
    assert.deepEqual(await found, events);
    assert.deepEqual(backend.lastIds, [undefined, "1"]);
    assert.equal(states.find(({ state }) => state === "waiting").error.code, "network_error");
  });
}

test("a stream of nothing else is asked around", { timeout: 20_000 }, async () => {
  const backend = await playing([telling("retry: 5\n\n", "data: null\n\n")]);
  assert.deepEqual(await backend.watch().found, events);
  assert.deepEqual([backend.lastIds.length, backend.questions], [2, 1]);
});

for (const retry of ["0", "99999999999", "9".repeat(400)]) {
  test(`a retry of ${retry.slice(0, 12)} ms makes no hot loop`, async () => {
    const play = telling(`retry: ${retry}\n\n`, established(0, 5).replace("retry: 5\n", ""), message(events[0]));
    const backend = await playing([play]);
    const controller = new AbortController();
    const { found, states } = backend.watch({ signal: controller.signal, random: () => 0 });
    setTimeout(() => controller.abort(new Error("enough")), 500);
    await assert.rejects(found, /enough/);
    assert.equal(backend.lastIds.length, 1);
    assert.equal(states.at(-1).delayMs, retry === "0" ? 1000 : 300_000);
  });
}

test("a stream that falls silent is left for a new one", async () => {
  const backend = await playing([open(established(0, 1), message(events[0])), telling(...all(1))]);
  const { found, states } = backend.watch({ timing: IMPATIENT });
  assert.deepEqual(await found, events);
  assert.equal(states.find(({ state }) => state === "waiting").error.code, "timeout");
  assert.equal(backend.questions, 0);
});

test("comments keep a stream alive that has nothing to tell", async () => {
  const backend = await playing([
    async (response) => {
      open(established(0, 1), message(events[0]))(response);
      for (let count = 0; count < 6; count++) {
        await later(200);
        response.write(":\n\n");
      }
      response.end(all(1).slice(1).join(""));
    },
  ]);
  assert.deepEqual(await backend.watch({ timing: IMPATIENT }).found, events);
  assert.equal(backend.lastIds.length, 1);
});

test("where streams are held back the status is asked, and nothing is missed", async () => {
  const backend = await playing([() => {}], { history: events.slice(0, 2) });
  const { found, states } = backend.watch({ timing: IMPATIENT });
  await later(800);
  backend.history = events;
  assert.deepEqual(await found, events);
  assert.ok(states.some(({ state, status }) => state === "polling" && status === "burn_pending"));
  assert.equal(backend.lastIds.length, 1);
});

test("a proxy that lets the head through and keeps the body back is the same", async () => {
  const backend = await playing([(response) => head(response).flushHeaders()]);
  assert.deepEqual(sequences(await backend.watch({ timing: IMPATIENT }).found), [1, 2, 3, 4, 5]);
});

test("after a while the stream is tried again, from where the asking was", async () => {
  const backend = await playing([() => {}, telling(...all(2))], { history: events.slice(0, 2) });
  const { found, states } = backend.watch({ timing: { ...IMPATIENT, streamAgainMs: 60 } });
  assert.deepEqual(sequences(await found), [1, 2, 3, 4, 5]);
  assert.deepEqual(backend.lastIds, [undefined, "2"]);
  assert.equal(states.at(-2).state, "live");
});

test("a relay that fails twice is asked around", async () => {
  const broken = refusing(502, {});
  const backend = await playing([broken], { history: events.slice(0, 1) });
  const { found, states } = backend.watch({ random: () => 0 });
  await later(2500);
  backend.history = events;
  assert.deepEqual(sequences(await found), [1, 2, 3, 4, 5]);
  assert.equal(backend.lastIds.length, 2);
  assert.deepEqual(states.slice(0, 5).map(({ state }) => state), ["connecting", "waiting", "connecting", "polling", "polling"]);
});

test("a firewall's page in the stream's place ends nothing: the status is asked, and the stream again", async () => {
  const page = (status) => (response) => {
    response.writeHead(status, { "Content-Type": "text/html" });
    response.end("<html>No.</html>");
  };
  const backend = await playing([page(403), page(401), telling(...all(1))], { history: events.slice(0, 1) });
  const status = backend.status;
  backend.status = (response) => (backend.questions++ ? status.call(backend, response) : page(404)(response));
  const { found, states } = backend.watch({ random: () => 0, timing: { streamAgainMs: 60 } });
  assert.deepEqual(sequences(await found), [1, 2, 3, 4, 5]);
  const waits = states.filter(({ error }) => error);
  assert.deepEqual(waits.map(({ error }) => [error.code, error.status]), [["unexpected_answer", 403], ["unexpected_answer", 404]]);
  assert.ok(states.some(({ state }) => state === "polling"));
  assert.equal(states.at(-2).state, "live");
});

test("when nothing answers, it waits longer and longer, and then goes on by the stream", async () => {
  const dead = (response) => response.destroy();
  const history = events.slice(0, 1);
  const backend = await playing([dead, dead, telling(...all(1))], { history, isApiDown: true });
  const { found, states } = backend.watch({ random: () => 0 });
  await later(2500);
  backend.isApiDown = false;
  assert.deepEqual(await found, events);
  const delays = states.filter(({ state }) => state === "waiting").map(({ delayMs }) => delayMs);
  assert.deepEqual(delays.slice(0, 3), [1000, 1000, 2000]);
  assert.equal(states.at(-2).state, "live");
});

test("asking alone is possible, and a history that is shorter than what was seen starts over", async () => {
  const backend = await playing([]);
  assert.deepEqual(sequences(await backend.watch({ transport: "poll" }).found), [1, 2, 3, 4, 5]);
  const again = await backend.watch({ transport: "poll", lastEventId: 9 }).found;
  assert.deepEqual(sequences(again), [0, 1, 2, 3, 4, 5]);
  assert.equal(again[0].type, "reset");
  assert.equal(backend.lastIds.length, 0);
});

test("asking about what was seen to its end is over at once", { timeout: 20_000 }, async () => {
  const backend = await playing([]);
  assert.deepEqual(await backend.watch({ transport: "poll", lastEventId: 5 }).found, []);
  assert.equal(backend.questions, 1);
});

test("a page whose own code fails while it is told misses no event", async (context) => {
  context.mock.method(console, "error", () => {});
  const backend = await playing([telling(...all())]);
  const onState = () => {
    throw new Error("the page's own fault");
  };
  assert.deepEqual(await backend.watch({ onState }).found, events);
  assert.equal(console.error.mock.callCount(), 3);
});

test("asking ends with the session, too", async () => {
  const backend = await playing([]);
  backend.status = (response) => refusing(401, { code: "invalid_token", status: 401, detail: "No.", retryable: false })(response);
  await assert.rejects(backend.watch({ transport: "poll" }).found, { code: "invalid_token" });
});

const MOMENTS = {
  "before the answer": [[() => {}], 30],
  "between two events": [[open(established(0, 1), message(events[0]))], 200],
  "while waiting": [[telling("retry: 5000\n\n")], 300],
  "while asking": [[() => {}], 700],
};
for (const [moment, [streams, ms]] of Object.entries(MOMENTS)) {
  test(`watching can be aborted ${moment}, and leaves no connection`, async () => {
    const backend = await playing(streams, { history: events.slice(0, 1) });
    const controller = new AbortController();
    const reason = new Error("the page is left");
    const { found, states } = backend.watch({ signal: controller.signal, timing: { firstByteMs: 400 } });
    setTimeout(() => controller.abort(reason), ms);
    await assert.rejects(found, reason);
    await later(50);
    assert.equal(backend.closed, backend.lastIds.length);
    const [asked, told] = [backend.questions + backend.lastIds.length, states.length];
    await later(100);
    assert.deepEqual([backend.questions + backend.lastIds.length, states.length], [asked, told]);
  });
}

test("who stops listening leaves no connection", async () => {
  const backend = await playing([open(established(0, 1), message(events[0]))]);
  for await (const event of backend.client.upgrades.watch(ID)) {
    assert.equal(event.sequence, 1);
    break;
  }
  await later(50);
  assert.equal(backend.closed, 1);
});
