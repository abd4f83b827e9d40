// The upgrade that is shown: opened here or found after a reload, followed to its end.
//
// The page may die between any two lines, and another tab may act. So nothing here is believed for
// longer than the next event: `run` and `watch` of the client ask the API and the chain.

import { ACTIVE, WalletError } from "/client/index.js";
import { into, load } from "./account.js";
import { client, wallet } from "./api.js";
import { commitmentOf, lookAt } from "./chain.js";
import { kept, set, state } from "./store.js";
import { announce, tellTabs } from "./tell.js";
import { notice } from "./words.js";

const CATCH_UP_MS = 200;
const COMMITMENT_EVERY_MS = 400;
const CLAIM_EVERY_MS = 15_000; // claims are limited to 5 a minute
let running = null;

export const isActive = (status) => ACTIVE.includes(status);

/** Opens an upgrade of the NFT, and goes on to its end. */
export const start = (nft, targetLevel, mode) => go({ nftId: nft.nftId, targetLevel, mode }, blank(null, { step: "opening", nft, heard: 0 }));

/** Asks the wallet again for an open request. */
export const goOn = (id) => go({ upgradeId: id }, state.upgrade);

/** What a reload finds: the upgrade that the address names, else the running one. */
export async function resume() {
  const named = /^#\/upgrade\/([0-9A-Z]{26})$/.exec(location.hash)?.[1];
  const running = state.requests.find(({ status }) => isActive(status));
  const id = named ?? running?.id;
  if (id) await show(id);
}

/** Shows an upgrade and follows it if it still goes on. */
export async function show(id) {
  stop();
  const request = state.requests.find((each) => each.id === id) ?? null;
  set({ upgrade: blank(id, { request }) });
  remember(id);
  // On its way for sure: its stream is opened at once, while its history is read.
  const isMoving = request && isActive(request.status) && request.status !== "initiated";
  if (isMoving) void go({ upgradeId: id }, state.upgrade);
  const status = await refresh(id);
  if (status === "initiated") return wait(id);
  if (isActive(status) && !isMoving) void go({ upgradeId: id }, state.upgrade);
}

/** Back to the NFT. The upgrade itself is not touched. */
export async function close() {
  stop();
  history.replaceState(null, "", location.pathname);
  set({ upgrade: null, understood: false, notice: null });
  await load();
}

export function stop() {
  running?.abort(new DOMException("Not shown any more.", "AbortError"));
  running = null;
}

export async function cancel(id) {
  await client.upgrades.cancel(id);
  tellTabs();
}

export const retry = (id) => client.upgrades.retry(id);

/** A burn outside any request. True: it became an upgrade. */
export async function claim(burn) {
  const answer = await client.upgrades.claim(burn);
  if (!answer.upgradeRequestId) return false;
  await load();
  await show(answer.upgradeRequestId);
  tellTabs();
  return true;
}

/** `heard`: the last sequence that was announced; what a reload finds was heard before. */
const blank = (id, facts) => ({ id, request: null, events: [], connection: { state: "connecting" }, step: null, commitments: {}, ...facts });

// --- running ------------------------------------------------------------------------------------

async function go(options, upgrade) {
  stop();
  const mine = (running = new AbortController());
  const isMine = () => running === mine;
  set({ upgrade: { ...upgrade, step: upgrade.step ?? "looking" }, notice: null });
  try {
    await client.upgrades.run({
      ...options,
      wallet: lazyWallet(),
      signal: mine.signal,
      autoRetry: state.developer.retriesByItself,
      onProgress: (progress) => isMine() && take(progress),
    });
  } catch (error) {
    if (isMine()) await failed(error);
  }
}

/** Asked for only when there is something to sign: an upgrade is followed without any wallet. */
function lazyWallet() {
  const present = wallet();
  if (present) return present;
  const missing = async () => {
    throw new WalletError("wallet_missing", "The wallet is not connected.");
  };
  return { address: state.session.address, signAndSendTransaction: missing, signTransaction: missing };
}

/** Open, and nobody is asked to burn right now: another tab may, or the burn was never confirmed. */
async function wait(id) {
  const mine = (running = new AbortController());
  const sent = kept.get(`burn.${id}`);
  if (sent) await client.upgrades.confirm(id, sent).catch(() => {}); // the events say what it led to
  else if (await isBurned()) void nameBurn(state.upgrade.request.currentNftId, mine);
  if (running !== mine) return;
  const onState = (connection) => running === mine && take({ type: "connection", ...connection });
  void follow(id, mine, onState, "auto");
}

async function isBurned() {
  const facts = await lookAt(state.upgrade.request.currentNftId);
  return facts?.supply === "0";
}

/** Burned, but nobody told the API: it finds that out by itself, and sooner when asked to look. */
async function nameBurn(mint, mine) {
  change({ isBurned: true });
  while (running === mine) {
    const claimed = await client.upgrades.claim({ mint }).catch(() => null);
    if (claimed?.status !== "initiated") return;
    await new Promise((resolve) => setTimeout(resolve, CLAIM_EVERY_MS));
  }
}

async function follow(id, mine, onState, transport) {
  try {
    for await (const event of client.upgrades.watch(id, { signal: mine.signal, onState, transport })) {
      if (running !== mine) return;
      take({ type: "event", upgradeId: id, event });
      const { status } = state.upgrade.request;
      if (status !== "initiated" && isActive(status)) return void go({ upgradeId: id }, state.upgrade);
    }
  } catch (error) {
    if (running !== mine) return;
    if (error.code === "evicted") return follow(id, mine, onState, "poll");
    await failed(error);
  }
}

async function failed(error) {
  const { upgrade } = state;
  if (error.code === "invalid_token") return set({ notice: notice(error), upgrade: { ...upgrade, step: null } });
  if (error.upgradeRequestId && error.code === "upgrade_active") {
    set({ notice: notice(error) });
    return show(error.upgradeRequestId).then(() => set({ notice: notice(error) }));
  }
  if (!upgrade.id) return set({ upgrade: null, notice: notice(error) });
  kept.set(`burn.${upgrade.id}`, null);
  const status = await refresh(upgrade.id).catch(() => upgrade.request?.status);
  // A cancelled or expired request says so itself.
  if (isActive(status)) set({ notice: notice(error) });
  if (status === "initiated") await wait(upgrade.id);
}

// --- progress -----------------------------------------------------------------------------------

function take(progress) {
  const { upgrade } = state;
  switch (progress.type) {
    case "opened":
      remember(progress.upgradeId);
      tellTabs();
      change({ id: progress.upgradeId, request: progress.upgrade, connection: { state: "connecting" } });
      return;
    case "wallet_asked":
      return change({ step: "wallet" });
    case "burn_sent":
      kept.set(`burn.${upgrade.id}`, progress.burnTransactionHash);
      change({ step: "confirming", request: { ...upgrade.request, burnTransactionHash: progress.burnTransactionHash } });
      return void followCommitment("burn", upgrade.id, progress.burnTransactionHash);
    case "connection": {
      const { type, upgradeId, ...connection } = progress;
      return change({ connection });
    }
    case "event":
      return takeEvent(progress.event);
    case "completed":
      change({ request: progress.upgrade, step: null });
      return void settle(progress.upgrade);
  }
}

function takeEvent(event) {
  const { upgrade } = state;
  if (event.type === "reset") return change({ events: [] });
  const events = [...upgrade.events.filter(({ sequence }) => sequence !== event.sequence), event];
  events.sort((one, other) => one.sequence - other.sequence);
  const isNews = event.sequence > (upgrade.heard ?? Infinity); // until the history is read, it tells
  const step = event.type === "upgrade_initiated" ? upgrade.step : null;
  if (!isNews) return change({ events });
  const request = upgrade.request && { ...upgrade.request, status: event.status };
  change({ events, step, request, heard: event.sequence });
  announce(event.message);
  void refresh(upgrade.id).catch(() => {}); // the next event, or a reload, brings it
}

/** Reads the request; its history fills what no event told yet. The status. */
export async function refresh(id) {
  const { upgradeRequest, statusHistory, canRetry } = await client.upgrades.get(id);
  if (state.upgrade?.id !== id) return upgradeRequest.status;
  const known = statusHistory.at(-1)?.sequence ?? 0;
  if (known < (state.upgrade.events.at(-1)?.sequence ?? 0)) return caughtUp(id, known); // older than an event
  const told = new Map(state.upgrade.events.map((event) => [event.sequence, event]));
  const events = statusHistory.map((entry) => told.get(entry.sequence) ?? { ...entry, data: entry.code ? { code: entry.code } : undefined });
  change({ request: upgradeRequest, events, canRetry, heard: state.upgrade.heard ?? known });
  const { burnTransactionHash, mintTransactionHash } = upgradeRequest;
  void followCommitment("burn", id, burnTransactionHash);
  void followCommitment("mint", id, mintTransactionHash);
  if (events.some(lacksProof)) void askProof(id).catch(() => {}); // then it is asked for by hand
  if (!isActive(upgradeRequest.status)) void settle(upgradeRequest);
  return upgradeRequest.status;
}

/** The history names no checks; a stream does. */
const lacksProof = ({ type, data }) => PROVEN.has(type) && !data?.proof && !state.upgrade.proof;
const PROVEN = new Set(["burn_confirmed", "under_review"]);

/** Events are told sooner than they can be read, by a moment. */
async function caughtUp(id, known) {
  change({ heard: state.upgrade.heard ?? known });
  await new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS));
  return refresh(id);
}

/** The upgrade has ended: the wallet holds something else now. */
async function settle(request) {
  if (state.upgrade?.settled) return;
  void lookAt(request.currentNftId);
  change({ settled: true, step: null, connection: { state: "ended" } });
  kept.set(`burn.${request.id}`, null);
  tellTabs();
  await load().catch(() => {}); // the timeline tells the essential
  if (request.newNftId) {
    await Promise.all([lookAt(request.newNftId), into("lineage", () => client.lineage(request.newNftId))]);
  }
}

const change = (facts) => state.upgrade && set({ upgrade: { ...state.upgrade, ...facts } });

function remember(id) {
  history.replaceState(null, "", `#/upgrade/${id}`);
}

const followed = new Set();

/** How sure Solana is of a transaction, until it is final. */
async function followCommitment(name, id, signature) {
  if (!signature || !state.local || followed.has(signature)) return;
  followed.add(signature);
  for (let looks = 0; looks < 200 && state.upgrade?.id === id; looks++) {
    const commitment = await commitmentOf(signature);
    if (state.upgrade?.id === id) change({ commitments: { ...state.upgrade.commitments, [name]: commitment } });
    if (commitment === "finalized") return;
    await new Promise((resolve) => setTimeout(resolve, COMMITMENT_EVERY_MS));
  }
  followed.delete(signature);
}

/** The checks of the burn, where the events came without them. */
export async function askProof(id) {
  const { burnProof } = await client.upgrades.burnProof(id);
  if (state.upgrade?.id === id) change({ proof: burnProof });
}
