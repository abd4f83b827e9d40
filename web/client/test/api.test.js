import assert from "node:assert/strict";
import { test } from "node:test";

import { ClientError, NetworkError, ProblemError, createClient } from "../index.js";
import { never, scripted } from "./helpers.js";

const problem = (status, code, retryable, extra = {}) => ({
  type: `urn:nft-upgrade:problem:${code}`,
  title: "No",
  status,
  detail: `It is ${code}.`,
  code,
  errorType: "invalid_nft_state",
  retryable,
  requestId: "R1",
  success: false,
  error: `It is ${code}.`,
  ...extra,
});
const refused = (status, code, retryable, extra, headers = {}) =>
  new Response(JSON.stringify(problem(status, code, retryable, extra)), {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
const ok = (body) => Response.json({ success: true, ...body });
const open = { nftId: "NFT", targetLevel: 2 };

function clientOf(answers, options = {}) {
  const { fetch, calls } = scripted(answers);
  return { client: createClient({ baseUrl: "https://nft.example/", fetch, ...options }), calls };
}

test("a problem becomes an error with its code and what it says besides", async () => {
  const body = { upgradeRequestId: "U1", field: "mint" };
  const { client } = clientOf([refused(409, "upgrade_active", false, body)]);
  const error = await client.upgrades.open(open).catch((thrown) => thrown);
  assert.ok(error instanceof ProblemError && error instanceof ClientError && error instanceof Error);
  assert.deepEqual(
    [error.name, error.code, error.status, error.retryable, error.errorType, error.requestId],
    ["ProblemError", "upgrade_active", 409, false, "invalid_nft_state", "R1"],
  );
  assert.deepEqual([error.upgradeRequestId, error.field, error.message], ["U1", "mint", "It is upgrade_active."]);
  assert.equal(error.problem.title, "No");
});

test("a Retry-After is seconds or a date, and never before now", async () => {
  const retryAfter = async (header, member) => {
    const answer = refused(503, "minting_paused", true, { retryAfter: member }, { "Retry-After": header });
    return (await ProblemError.from(answer)).retryAfter;
  };
  assert.deepEqual(
    await Promise.all(["17", "0", "-5", "9999999999", "soon", "1e999", ""].map((header) => retryAfter(header))),
    [17, 0, 0, 9999999999, null, null, null],
  );
  const inAMinute = await retryAfter(new Date(Date.now() + 60_000).toUTCString());
  assert.ok(inAMinute > 55 && inAMinute <= 60);
  assert.equal(await retryAfter("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
  assert.equal(await retryAfter("17", 3), 3);
  assert.deepEqual([await retryAfter("17", -3), await retryAfter("17", "x")], [0, 17]);
});

test("a refusal that asks for a long wait is the caller's to decide, and says how long", async () => {
  const { client, calls } = clientOf([refused(429, "rate_limited", true, {}, { "Retry-After": "17" })]);
  const error = await client.upgrades.open(open).catch((thrown) => thrown);
  assert.deepEqual([error.code, error.retryable, error.retryAfter, calls.length], ["rate_limited", true, 17, 1]);
  const soon = clientOf([refused(429, "rate_limited", true, {}, { "Retry-After": "1" })]);
  await assert.rejects(soon.client.upgrades.open(open), { code: "rate_limited" });
  assert.equal(soon.calls.length, 1);
  const paused = clientOf([refused(503, "minting_paused", true, {}, { "Retry-After": "60" })]);
  await assert.rejects(paused.client.upgrades.open(open), { code: "minting_paused", retryAfter: 60 });
  assert.equal(paused.calls.length, 1);
  const away = clientOf([refused(503, "chain_unavailable", true, {}, { "Retry-After": "5" })]);
  await assert.rejects(away.client.eligibility(), { code: "chain_unavailable", retryAfter: 5 });
  assert.equal(away.calls.length, 1);
});

test("who repeats a call by himself hands in the key that makes it the same call", async () => {
  const opened = () => Response.json({ success: true }, { status: 201 });
  const { client, calls } = clientOf([opened(), opened(), opened()]);
  await client.upgrades.open(open, { idempotencyKey: "mine" });
  await client.upgrades.open(open, { idempotencyKey: "mine" });
  await client.upgrades.open(open);
  const keys = calls.map(({ headers }) => headers["Idempotency-Key"]);
  assert.deepEqual(keys.slice(0, 2), ["mine", "mine"]);
  assert.match(keys[2], /^[0-9a-f]{32}$/);
});

test("a page in the API's place is an error of its own kind", async () => {
  const html = new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "Content-Type": "text/html" } });
  const { client } = clientOf([html], { retries: 0 });
  await assert.rejects(client.nfts(), { name: "ProblemError", code: "unexpected_answer", status: 502, retryable: true });
  const portal = clientOf([new Response("<h1>Wi-Fi</h1>", { status: 200 })], { retries: 0 });
  await assert.rejects(portal.client.nfts(), { code: "unexpected_answer", status: 200, retryable: true });
  const forbidden = clientOf([new Response("{}", { status: 403 })], { retries: 0 });
  await assert.rejects(forbidden.client.nfts(), { code: "unexpected_answer", retryable: false });
});

test("no answer is a network error, with its cause", async () => {
  const cause = new TypeError("fetch failed");
  const { client, calls } = clientOf([cause], { retries: 0 });
  const error = await client.nfts().catch((thrown) => thrown);
  assert.ok(error instanceof NetworkError);
  assert.deepEqual([error.code, error.retryable, error.cause], ["network_error", true, cause]);
  assert.equal(calls.length, 1);
});

test("a body that breaks off is a network error", async () => {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new TypeError("terminated"));
    },
  });
  const { client } = clientOf([new Response(body)], { retries: 0 });
  await assert.rejects(client.nfts(), { name: "NetworkError", code: "network_error" });
});

test("silence is a network error after the time limit", async () => {
  const { client } = clientOf([never], { retries: 0, timeoutMs: 20 });
  await assert.rejects(client.nfts(), { name: "NetworkError", code: "timeout", retryable: true });
});

test("a call that is aborted throws the signal's reason, whatever it was doing", async () => {
  const reason = new Error("the user left");
  const { client, calls } = clientOf([never]);
  const controller = new AbortController();
  const pending = client.nfts({ signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  await assert.rejects(pending, reason);
  await assert.rejects(client.nfts({ signal: AbortSignal.abort(reason) }), reason);
  const waiting = clientOf([new TypeError("fetch failed")]);
  const later = new AbortController();
  const repeated = waiting.client.nfts({ signal: later.signal });
  setTimeout(() => later.abort(reason), 50);
  await assert.rejects(repeated, reason);
  assert.equal(calls[0].signal.aborted, true);
});

test("what may be repeated is, and one act keeps its Idempotency-Key", async () => {
  const busy = refused(409, "idempotency_in_progress", true, {}, { "Retry-After": "0" });
  const { client, calls } = clientOf([new TypeError("fetch failed"), busy, ok({ upgradeRequestId: "U1" })]);
  assert.equal((await client.upgrades.open(open)).upgradeRequestId, "U1");
  const names = calls.map(({ headers }) => headers["Idempotency-Key"]);
  assert.equal(names.length, 3);
  assert.equal(new Set(names).size, 1);
  assert.match(names[0], /^[0-9a-f]{32}$/);
});

test("two acts have two keys", async () => {
  const { client, calls } = clientOf([ok(), ok()]);
  await client.upgrades.retry("U1");
  await client.upgrades.retry("U1");
  assert.notEqual(calls[0].headers["Idempotency-Key"], calls[1].headers["Idempotency-Key"]);
});

test("a refusal that time does not change is not repeated, and patience ends", async () => {
  const no = clientOf([refused(404, "upgrade_not_found", false)]);
  await assert.rejects(no.client.upgrades.get("U1"), { code: "upgrade_not_found" });
  assert.equal(no.calls.length, 1);
  const cause = new TypeError("fetch failed");
  const gone = clientOf([cause, cause, cause], { retries: 1 });
  await assert.rejects(gone.client.nfts(), { code: "network_error" });
  assert.equal(gone.calls.length, 2);
});

test("signing in is never repeated after the signature: the nonce is used up", async () => {
  const input = { domain: "nft.example", address: "A", statement: "s", chainId: "solana:devnet" };
  const { client, calls } = clientOf([ok({ input }), new TypeError("fetch failed")]);
  const wallet = { address: "A", signIn: async () => ({ signedMessage: Uint8Array.of(1), signature: Uint8Array.of(2) }) };
  await assert.rejects(client.signIn(wallet), { code: "network_error" });
  assert.deepEqual(calls.map(({ url }) => url), [
    "https://nft.example/api/auth/challenge",
    "https://nft.example/api/auth/verify",
  ]);
});

test("who gives up while the challenge comes is asked nothing by the wallet", async () => {
  const controller = new AbortController();
  const reason = new Error("left");
  const fetch = async () => {
    const answer = ok({ input: { chainId: "solana:devnet" } });
    const text = await answer.text();
    answer.text = async () => {
      controller.abort(reason);
      return text;
    };
    return answer;
  };
  const client = createClient({ baseUrl: "https://nft.example", fetch });
  const wallet = { address: "A", signIn: () => assert.fail("the wallet was asked") };
  await assert.rejects(client.signIn(wallet, { signal: controller.signal }), reason);
});

test("after signing in every call carries the session, and the chain is known", async () => {
  const session = { accessToken: "T", expiresAt: "2026-11-24T12:00:00.000Z", user: { id: "A", wallet: "A" } };
  const input = { domain: "nft.example", address: "A", statement: "s", chainId: "solana:devnet" };
  const { client, calls } = clientOf([ok({ input }), ok(session), ok({ nfts: [] }), ok({ nfts: [] })]);
  const asked = [];
  const wallet = {
    address: "A",
    signIn: async (fields) => {
      asked.push(fields);
      return { signedMessage: Uint8Array.of(1, 2), signature: Uint8Array.of(3) };
    },
  };
  assert.deepEqual(await client.signIn(wallet), session);
  assert.deepEqual(asked, [input]);
  assert.deepEqual(JSON.parse(calls[1].body), { address: "A", signedMessage: "AQI=", signature: "Aw==" });
  await client.nfts();
  assert.equal(calls[2].headers.Authorization, "Bearer T");
  assert.deepEqual([client.session, client.chain], [session, "solana:devnet"]);
  client.forgetSession();
  await client.nfts();
  assert.equal(calls[3].headers.Authorization, undefined);
  assert.equal(calls[3].credentials, "include");
});

test("after a reload the API says whose session it is, and for which chain to sign", async () => {
  const who = { address: "A", expiresAt: "2026-11-24T12:00:00.000Z", chainId: "solana:devnet" };
  const { client } = clientOf([ok(who), ok({ ...who, chainId: "solana:mainnet" })]);
  assert.deepEqual(await client.whoAmI(), { success: true, ...who });
  await client.whoAmI();
  assert.equal(client.chain, "solana:devnet", "what was known or chosen stays");
});

test("signing out takes the cookie away and forgets the session, in this order", async () => {
  const session = { accessToken: "T", expiresAt: "2026-11-24T12:00:00.000Z", user: { id: "A", wallet: "A" } };
  const answers = [refused(503, "unavailable", true), new Response(null, { status: 204 })];
  const { client, calls } = clientOf(answers, { session });
  await assert.rejects(client.signOut(), { code: "unavailable" });
  assert.equal(client.session, session, "the cookie is still there");
  await client.signOut();
  assert.equal(client.session, null);
  assert.deepEqual([calls[1].method, calls[1].url], ["POST", "https://nft.example/api/auth/sign-out"]);
});

const ROUTES = [
  [(client, options) => client.whoAmI(options), "GET", "/api/auth/session"],
  [(client, options) => client.nfts(options), "GET", "/api/nft"],
  [(client, options) => client.eligibility(options), "GET", "/api/nft/can-upgrade"],
  [(client, options) => client.eligibility({ ...options, targetLevel: 3 }), "GET", "/api/nft/can-upgrade?targetLevel=3"],
  [(client, options) => client.lineage("M", options), "GET", "/api/nft/M/lineage"],
  [(client, options) => client.leaderboard({ ...options, limit: 5, cursor: "a b" }), "GET", "/api/leaderboard?limit=5&cursor=a+b"],
  [(client, options) => client.stats(options), "GET", "/api/stats/me"],
  [(client, options) => client.health(options), "GET", "/api/nft/upgrade/health"],
  [(client, options) => client.keys(options), "GET", "/.well-known/jwks.json"],
  [(client, options) => client.upgrades.open(open, options), "POST", "/api/nft/upgrade", { currentNftId: "NFT", targetLevel: 2 }],
  [(client, options) => client.upgrades.get("U/1", options), "GET", "/api/nft/upgrade/U%2F1/status"],
  [(client, options) => client.upgrades.list({ ...options, status: "completed" }), "GET", "/api/nft/upgrade/user/requests?status=completed"],
  [(client, options) => client.upgrades.burnTransaction("U", options), "GET", "/api/nft/upgrade/U/burn-transaction"],
  [(client, options) => client.upgrades.confirm("U", "S", options), "POST", "/api/nft/upgrade/U/burn-confirmation", { burnTransactionHash: "S" }],
  [(client, options) => client.upgrades.atomicTransaction("U", options), "GET", "/api/nft/upgrade/U/atomic-transaction"],
  [(client, options) => client.upgrades.submit("U", Uint8Array.of(1), options), "POST", "/api/nft/upgrade/U/submit", { transaction: "AQ==" }],
  [(client, options) => client.upgrades.cancel("U", options), "POST", "/api/nft/upgrade/U/cancel"],
  [(client, options) => client.upgrades.retry("U", options), "POST", "/api/nft/upgrade/U/retry"],
  [(client, options) => client.upgrades.claim({ mint: "M" }, options), "POST", "/api/nft/upgrade/claims", { mint: "M" }],
  [(client, options) => client.upgrades.burnProof("U", options), "GET", "/api/nft/upgrade/U/burn-proof"],
  [(client, options) => client.upgrades.receipt("U", options), "GET", "/api/nft/upgrade/U/receipt"],
  [(client, options) => client.upgrades.eventsUrl("U", { ...options, withTicket: true }), "POST", "/api/nft/upgrade/U/events-ticket"],
  [(client, options) => client.preferences.get(options), "GET", "/api/notifications/preferences"],
  [
    (client, options) => client.preferences.set({ emailEnabled: true, pushEnabled: false }, options),
    "PUT",
    "/api/notifications/preferences",
    { emailEnabled: true, pushEnabled: false },
  ],
  [(client, options) => client.preferences.setEmail("a@b.example", options), "PUT", "/api/notifications/preferences/email", { address: "a@b.example" }],
  [
    (client, options) => client.preferences.addDevice({ platform: "apns", deviceToken: "12345678" }, options),
    "POST",
    "/api/notifications/preferences/devices",
    { platform: "apns", deviceToken: "12345678" },
  ],
  [(client, options) => client.preferences.removeDevice("d", options), "DELETE", "/api/notifications/preferences/devices/d"],
  [(client, options) => client.preferences.forget(options), "DELETE", "/api/notifications/preferences"],
];

test("every method asks its route, and hands the answer on as it is", async () => {
  for (const [call, method, path, body] of ROUTES) {
    const { client, calls } = clientOf([ok({ ticket: "t" })]);
    const answer = await call(client);
    const [asked] = calls;
    assert.deepEqual([asked.method, asked.url], [method, `https://nft.example${path}`]);
    assert.deepEqual(asked.body && JSON.parse(asked.body), body, path);
    if (typeof answer !== "string") assert.deepEqual(answer, { success: true, ticket: "t" });
  }
});

test("every method may be aborted", async () => {
  const reason = new Error("left");
  for (const [call, , path] of ROUTES) {
    const { client } = clientOf([never]);
    const controller = new AbortController();
    const pending = call(client, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(pending, reason, path);
  }
});

test("the running upgrade is the newest that goes on", async () => {
  const requests = [{ id: "3", status: "cancelled" }, { id: "2", status: "failed_retryable" }, { id: "1", status: "completed" }];
  const { client } = clientOf([ok({ requests }), ok({ requests: [requests[0], requests[2]] })]);
  assert.equal((await client.upgrades.active()).id, "2");
  assert.equal(await client.upgrades.active(), null);
});

test("a page of the API's own origin names no base, and a native EventSource gets its ticket", async () => {
  const { fetch, calls } = scripted([ok({ ticket: "a+b" })]);
  const client = createClient({ fetch });
  assert.equal(await client.upgrades.eventsUrl("U"), "/api/nft/upgrade/U/events");
  assert.equal(await client.upgrades.eventsUrl("U", { withTicket: true }), "/api/nft/upgrade/U/events?ticket=a%2Bb");
  assert.equal(calls[0].url, "/api/nft/upgrade/U/events-ticket");
});
