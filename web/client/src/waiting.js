// Time, and calls that may be given up. What a test wants to control is handed in.

/** No wait is longer, whatever a server asks for. Timers beyond 2 ** 31 ms even end at once. */
export const LONGEST_MS = 300_000;

/** Throws the signal's reason once it is aborted. */
export const check = (signal) => signal?.throwIfAborted();

/** Calls a listener; what it throws is reported and stops nothing, least of all after a burn. */
export function notify(listener, facts) {
  try {
    listener?.(facts);
  } catch (error) {
    if (globalThis.reportError) globalThis.reportError(error);
    else console.error(error);
  }
}

/** A signal of its own that follows `outer` and may be aborted by us. Call `release` in the end. */
export function linked(outer) {
  const controller = new AbortController();
  const follow = () => controller.abort(outer.reason);
  if (outer?.aborted) follow();
  outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => outer?.removeEventListener("abort", follow),
  };
}

/** Resolves after `ms` (five minutes at most), or at once when the browser is online again; rejects when aborted. */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = (settle) => () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      globalThis.removeEventListener?.("online", onOnline);
      settle();
    };
    const onAbort = end(() => reject(signal.reason));
    const onOnline = end(resolve);
    const timer = setTimeout(end(resolve), Math.min(ms, LONGEST_MS));
    signal?.addEventListener("abort", onAbort, { once: true });
    globalThis.addEventListener?.("online", onOnline, { once: true });
  });
}

/** The promise, or the signal's reason if that comes first. */
export function orAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * Milliseconds until attempt number `failures` + 1: what the server `asked` for, doubling to
 * 30 s, and up to half as much again by chance. Never sooner than `asked` if that is within five
 * minutes; 0, or what is no time, is a second.
 */
export function backOff(failures, asked = 1000, random = Math.random) {
  const floor = asked > 0 ? asked : 1000;
  const doubled = floor * 2 ** Math.min(Math.max(failures - 1, 0), 16);
  const delay = Math.max(floor, Math.min(doubled, 30_000));
  return Math.min(Math.round(delay * (1 + random() / 2)), LONGEST_MS);
}
