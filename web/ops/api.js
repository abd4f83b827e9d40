// The operators' API. The session is the browser's cookie, which no script can read.

import { NetworkError, ProblemError } from "../client/index.js";

const ROOT = "/api/ops";
const PATIENCE_MS = 15_000;

export const status = () => call("GET", "/status");
export const requests = (cursor) => call("GET", `/requests?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const request = (id) => call("GET", `/requests/${encodeURIComponent(id)}`);
export const liveProof = (id) => call("GET", `/requests/${encodeURIComponent(id)}/burn-proof`);
export const journal = (cursor) => call("GET", `/journal?limit=10${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const act = (path, reason) => call("POST", path, { reason });

async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  const init = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
  let response;
  try {
    response = await fetch(ROOT + path, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new NetworkError("network_error", "The server does not answer.", error);
  }
  if (!response.ok) throw await ProblemError.from(response);
  return response.json();
}
