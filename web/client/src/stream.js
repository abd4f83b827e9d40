// One connection of an upgrade's stream: from the request to its end, whatever ends it.

import { NetworkError, ProblemError, foreignProblem } from "./errors.js";
import { networkError } from "./api.js";
import { EventStreamParser } from "./sse.js";
import { linked } from "./waiting.js";

/** Seconds without a byte: at the beginning, and after it (the server comments every 15 s). */
export const PATIENCE = Object.freeze({ firstByteMs: 6_000, silenceMs: 45_000 });

/**
 * Yields the parsed messages. Returns `{isOver, retry}` when the server ends it: `isOver` (204) for
 * good. Throws ProblemError for a refusal, NetworkError for a cut; `isBlocked` when no byte came.
 */
export async function* connection(api, path, { position, signal, patience = PATIENCE }) {
  const link = linked(signal);
  const watchdog = new Watchdog(link);
  const parser = new EventStreamParser();
  try {
    watchdog.expect(patience.firstByteMs, true);
    const response = await open(api, path, position, link.signal);
    if (response.status === 204) return { isOver: true };
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw withRetry(networkError(error, link.signal), parser);
      });
      if (done) return { isOver: false, retry: parser.retry };
      watchdog.expect(patience.silenceMs, false);
      yield* parsed(parser, value);
    }
  } finally {
    watchdog.stop();
    link.release();
    link.abort(new NetworkError("closed", "The stream was closed.")); // frees the connection
  }
}

async function open(api, path, position, signal) {
  const resumed = position ? { "Last-Event-ID": String(position) } : {};
  const headers = { Accept: "text/event-stream", ...resumed };
  const response = await api.request("GET", path, { headers, signal });
  if (response.status === 204) return response;
  if (!response.ok) throw await ProblemError.from(response);
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("text/event-stream") || !response.body) {
    throw new ProblemError(foreignProblem(response));
  }
  return response;
}

/** What is whole before something broken still counts. */
function* parsed(parser, bytes) {
  try {
    for (const { data } of parser.push(bytes)) yield eventOf(data);
  } catch (error) {
    const broken = new NetworkError("network_error", "The stream cannot be read.", error);
    throw withRetry(broken, parser);
  }
}

/** Whatever else it says is the server's; without these two nobody can follow. */
function eventOf(data) {
  const event = JSON.parse(data);
  if (typeof event?.type === "string" && Number.isInteger(event.sequence)) return event;
  throw new TypeError("no event");
}

function withRetry(error, parser) {
  if (error instanceof NetworkError) error.retry = parser.retry;
  return error;
}

class Watchdog {
  constructor(link) {
    this.link = link;
  }

  expect(ms, isFirst) {
    this.stop();
    this.timer = setTimeout(() => {
      const late = new NetworkError("timeout", `The stream was silent for ${ms / 1000} s.`);
      late.isBlocked = isFirst;
      this.link.abort(late);
    }, ms);
  }

  stop() {
    clearTimeout(this.timer);
  }
}
