// One call of the API: the session, a time limit, repetition of what may be repeated, our errors.

import { NetworkError, ProblemError, foreignProblem } from "./errors.js";
import { backOff, linked, sleep } from "./waiting.js";

const LONGEST_WAIT_SECONDS = 2; // nobody should look at a still page for longer without a word

export class Api {
  constructor({ baseUrl = "", fetch, session = null, timeoutMs = 30_000, retries = 3 }) {
    this.baseUrl = String(baseUrl).replace(/\/+$/, "");
    this.fetch = fetch ?? ((...args) => globalThis.fetch(...args));
    this.session = session;
    this.timeoutMs = timeoutMs;
    this.retries = retries;
  }

  get(path, options) {
    return this.call("GET", path, options);
  }

  /** With an Idempotency-Key, so that a repeated call has one effect. */
  post(path, body, options) {
    return this.call("POST", path, { body, idempotencyKey: randomName(), ...options });
  }

  /**
   * The answer's JSON. GET, PUT, DELETE and POSTs with a key are repeated after network errors and
   * refusals that say so, `retries` times; what asks for a longer wait is the caller's to decide.
   */
  async call(method, path, { body, query, signal, idempotencyKey } = {}) {
    const headers = idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {};
    const mayRepeat = idempotencyKey || method !== "POST";
    for (let failures = 1; ; failures++) {
      try {
        return await this.#once(method, path + queryText(query), headers, body, signal);
      } catch (error) {
        if (!mayRepeat || failures > this.retries || !isWorthRepeating(error)) throw error;
        await sleep(backOff(failures, 1000 * (error.retryAfter || 0.3)), signal);
      }
    }
  }

  async #once(method, path, extra, body, signal) {
    const headers = body === undefined ? extra : { ...extra, "Content-Type": "application/json" };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const link = linked(signal);
    const late = new NetworkError("timeout", `No answer within ${this.timeoutMs / 1000} s.`);
    const timer = setTimeout(() => link.abort(late), this.timeoutMs);
    try {
      const init = { headers, body: text, signal: link.signal };
      return await read(await this.request(method, path, init), link.signal);
    } finally {
      clearTimeout(timer);
      link.release();
    }
  }

  /** fetch with the session; NetworkError when there is no answer. Also what opens a stream. */
  async request(method, path, { headers = {}, body, signal }) {
    const access = this.session?.accessToken;
    const authorization = access ? { Authorization: `Bearer ${access}` } : {};
    const how = { credentials: "include", cache: "no-store" };
    const init = { method, headers: { ...headers, ...authorization }, body, signal, ...how };
    try {
      return await this.fetch(this.baseUrl + path, init);
    } catch (error) {
      throw networkError(error, signal);
    }
  }
}

async function read(response, signal) {
  if (!response.ok) throw await ProblemError.from(response);
  if (response.status === 204) return null;
  let text;
  try {
    text = await response.text();
  } catch (error) {
    throw networkError(error, signal);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError(foreignProblem(response));
  }
}

/** The signal's reason if it was aborted (our own time limit is a NetworkError already). */
export function networkError(error, signal) {
  if (signal?.aborted) return signal.reason;
  return new NetworkError("network_error", "The server cannot be reached.", error);
}

function isWorthRepeating(error) {
  if (error instanceof NetworkError) return true;
  if (!(error instanceof ProblemError) || !error.retryable || error.status === 429) return false;
  return (error.retryAfter ?? 0) <= LONGEST_WAIT_SECONDS;
}

function queryText(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** randomUUID is for secure contexts alone; this is not. */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
