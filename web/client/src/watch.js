// An upgrade's events until it ends, over any number of connections, and by asking where streams
// are blocked. Each event once and in order: `sequence` counts without a hole.

import { NetworkError, ProblemError, StreamError, isForeign } from "./errors.js";
import { isTerminal } from "./statuses.js";
import { PATIENCE, connection } from "./stream.js";
import { backOff, check, notify, sleep } from "./waiting.js";

export const TIMING = Object.freeze({
  ...PATIENCE,
  pollMs: 2_000,
  streamAgainMs: 30_000, // while asking: how often a stream is tried again
});
const FAILURES_UNTIL_POLLING = 2; // in a row: connections that brought nothing and were short
const LONG_MS = 10_000;
const OUTLIVED = new Set([408, 425, 429]); // besides 5xx and what others answer in the API's place

export async function* watch(api, id, options = {}) {
  yield* new Watching(api, id, options).events();
}

class Watching {
  constructor(api, id, { signal, onState, transport = "auto", lastEventId, timing, random }) {
    this.api = api;
    this.path = `/api/nft/upgrade/${encodeURIComponent(id)}`;
    this.signal = signal;
    this.onState = onState;
    this.timing = { ...TIMING, ...timing };
    this.random = random ?? Math.random;
    this.position = Number(lastEventId ?? 0);
    this.known = 0; // the newest sequence the server spoke of
    this.isOver = false;
    this.failures = 0;
    this.retry = undefined;
    this.mayStream = transport !== "poll";
    this.isPolling = !this.mayStream;
    this.isSwitching = false;
    this.isBlocked = false;
    this.error = undefined; // of the last attempt
    this.streamAgainAt = Infinity;
  }

  async *events() {
    while (!this.isOver) {
      check(this.signal);
      yield* this.isPolling ? this.polled() : this.streamed();
      if (!this.isOver) await this.wait();
    }
    this.tell("ended");
  }

  tell(state, facts = {}) {
    notify(this.onState, { state, ...facts });
  }

  // --- the stream -----------------------------------------------------------------------------

  async *streamed() {
    this.tell("connecting");
    this.isBlocked = false;
    const { position, signal, timing: patience } = this;
    const begun = Date.now();
    const stream = connection(this.api, `${this.path}/events`, { position, signal, patience });
    try {
      const end = yield* this.taken(stream);
      this.isOver ||= end.isOver;
      this.retry = end.retry;
    } catch (error) {
      this.failed(error);
    } finally {
      await stream.return();
    }
    const isGood = this.position !== position || Date.now() - begun > LONG_MS;
    this.failures = isGood ? 0 : this.failures + 1;
    if (this.isBlocked || this.failures >= FAILURES_UNTIL_POLLING) this.poll();
  }

  async *taken(stream) {
    for (;;) {
      const { done, value } = await stream.next();
      if (done) return value;
      const event = this.take(value);
      if (event) yield event;
      if (this.isOver) return { isOver: true };
    }
  }

  /** The event if it is news. */
  take(event) {
    switch (event.type) {
      case "connection_established":
        this.known = event.data?.currentSequence ?? 0;
        this.tell("live", { status: event.status });
        return null;
      case "reset":
        this.position = 0;
        return event;
      case "evicted":
        throw new StreamError("evicted", "Another tab or device took this stream's place.");
      case "session_expiring":
        throw new StreamError("session_expiring", "The session is ending. Sign in again.");
      default:
        return this.next(event);
    }
  }

  next(event) {
    if (event.sequence <= this.position) return null;
    if (event.sequence > this.position + 1) {
      throw new NetworkError("network_error", "The stream has a hole."); // so ask from there
    }
    this.position = event.sequence;
    this.isOver = isTerminal(event.status) && event.sequence >= this.known;
    return event;
  }

  /** Goes on after what passes; throws the rest. */
  failed(error) {
    if (!isOutlived(error)) throw error;
    this.retry = error.retry ?? (error.retryAfter ? 1000 * error.retryAfter : undefined);
    this.error = error;
    this.isBlocked = error.isBlocked;
  }

  // --- asking ---------------------------------------------------------------------------------

  poll() {
    this.isPolling = this.isSwitching = true;
    this.failures = 0;
    this.streamAgainAt = this.mayStream ? Date.now() + this.timing.streamAgainMs : Infinity;
  }

  async *polled() {
    let answer;
    try {
      answer = await this.api.get(`${this.path}/status`, { signal: this.signal });
    } catch (error) {
      this.failed(error);
      this.failures++;
      return;
    }
    // After an outage of everything the stream is not what is to blame.
    if (this.failures && this.mayStream) this.streamAgainAt = 0;
    this.failures = 0;
    this.tell("polling", { status: answer.upgradeRequest.status });
    yield* this.news(answer);
    this.isPolling = Date.now() < this.streamAgainAt;
  }

  *news({ upgradeRequest, statusHistory }) {
    this.known = statusHistory.at(-1)?.sequence ?? 0;
    if (this.known < this.position) {
      this.position = 0;
      yield reset(upgradeRequest);
    }
    for (const entry of statusHistory) {
      const event = this.next(asEvent(entry, upgradeRequest));
      if (event) yield event;
    }
    this.isOver ||= isTerminal(upgradeRequest.status) && this.position >= this.known;
  }

  async wait() {
    if (this.isSwitching) {
      this.isSwitching = false; // what was missed meanwhile is asked for at once
    } else if (this.isPolling && !this.failures) {
      await sleep(this.timing.pollMs * (1 + this.random() / 4), this.signal);
    } else {
      const delayMs = backOff(this.failures, this.retry, this.random);
      this.tell("waiting", { delayMs, error: this.error });
      this.error = undefined;
      await sleep(delayMs, this.signal);
    }
  }
}

function isOutlived(error) {
  if (error instanceof NetworkError) return true;
  if (!(error instanceof ProblemError)) return false;
  return error.status >= 500 || OUTLIVED.has(error.status) || isForeign(error);
}

const reset = ({ id, status, updatedAt }) => ({
  type: "reset",
  upgradeRequestId: id,
  status,
  message: "The whole history follows.",
  timestamp: updatedAt,
  sequence: 0,
});

/** What the stream would have said, as far as the status tells it. */
function asEvent({ code, ...entry }, upgrade) {
  const event = { ...entry, upgradeRequestId: upgrade.id };
  if (entry.type === "upgrade_completed") {
    event.data = {
      oldLevel: upgrade.currentLevel,
      newLevel: upgrade.targetLevel,
      newNftId: upgrade.newNftId,
      mintTransactionHash: upgrade.mintTransactionHash,
    };
  } else if (code) {
    event.data = { code };
  }
  return event;
}
