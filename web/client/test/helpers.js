// What several tests share: fetches that answer by a script, and a relay that does.

import { createServer } from "node:http";

/** Stands for an answer that never comes; the signal ends it. */
export const never = Symbol("never");

/** A fetch that gives these answers in turn (errors are thrown), and what it was asked. */
export function scripted(answers) {
  const calls = [];
  const left = [...answers];
  const fetch = async (url, init) => {
    calls.push({ url, ...init });
    init.signal?.throwIfAborted();
    if (!left.length) throw new Error(`nobody expected ${init.method} ${url}`);
    const answer = left.shift();
    if (answer === never) return new Promise((_, reject) => rejectOnAbort(init.signal, reject));
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { fetch, calls };
}

function rejectOnAbort(signal, reject) {
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
}

/** A real HTTP server; `answer(request, response)` plays the API. `requests` is what was asked. */
export async function serving(answer) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function collected(events) {
  const found = [];
  for await (const event of events) found.push(event);
  return found;
}

export const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
