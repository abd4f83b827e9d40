// The upgrade that is shown: opened here or found after a reload, followed to its end.
//
// The page may die between any two lines, and another tab may act. So nothing here is believed for
// longer than the next event: `run` and `watch` of the client ask the API and the chain.

import { ACTIVE, WalletError } from "/client/index.js";
import { into, load } from "./account.js";
import { client, wallet } from "./api.js";
import { confirmKept, lookForBurn } from "./burned.js";
import { lookAt } from "./chain.js";
import { askProof, followCommitment } from "./certainty.js";
import { leave } from "./session.js";
import { change, kept, set, state } from "./store.js";
import { announce, tellTabs } from "./tell.js";
import { notice } from "./words.js";

const CATCH_UP_MS = 200;
let running = null;

export const isActive = (status) => ACTIVE.includes(status);

/** Opens an upgrade of the NFT, and goes on to its end. */
export const start = (nft, targetLevel, mode) => go({ nftId: nft.nftId, targetLevel, mode }, blank(null, { step: "opening", nft, heard: 0 }));

/** Asks the wallet again for an open request. */
export const goOn = (id) => go({ upgradeId: id }, state.upgrade);

/** What a reload finds: the upgrade that the address names, else the running one. */
export async function resume() {
  const named = /^#\/upgrade\/([0-9A-Z]{26})$/.exec(location.hash)?.[1];
  if (!named) return showRunning();
  try {
    await show(named);
  } catch (error) {
    if (error.code !== "upgrade_not_found") throw error;
    forgetShown();
    await showRunning();
    set({ notice: notice(error) });
  }
}

async function showRunning() {
  const running = state.requests.find(({ status }) => isActive(status));
  if (running) await show(running.id);
}

/** Shows an upgrade and follows it if it still goes on. `facts`: what is known of it already. */
export async function show(id, facts = {}) {
  stop();
  const request = state.requests.find((each) => each.id === id) ?? null;
  set({ upgrade: blank(id, { request, ...facts }) });
  remember(id);
  // On its way for sure: its stream is opened at once, while its history is read.
  const isMoving = request && isActive(request.status) && request.status !== "initiated";
  if (isMoving) void go({ upgradeId: id }, state.upgrade);
  try {
    const status = await refresh(id);
    if (state.upgrade?.id !== id) return;
    if (status === "initiated") wait(id);
    else if (isActive(status) && !isMoving) void go({ upgradeId: id }, state.upgrade);
  } catch (error) {
    if (!isMoving) lose();
    throw error;
  }
}

/** Shows again what is not followed any more. */
export async function followAgain() {
  if (state.upgrade?.isLost) await show(state.upgrade.id);
}

/** Back to the NFT. The upgrade itself is not touched. */
export async function close() {
  forgetShown();
  set({ understood: false, notice: null });
  await load();
}

function forgetShown() {
  stop();
  history.replaceState(null, "", location.pathname);
  set({ upgrade: null });
}

export function stop() {
  running?.abort(new DOMException("Not shown any more.", "AbortError"));
  running = null;
}

/** Also while the wallet is asked: what it sends after all still becomes an upgrade. */
export async function cancel(id) {
  const isAsking = state.upgrade.step !== null;
  if (isAsking) stop();
  const facts = {};
  try {
    await client.upgrades.cancel(id);
  } catch (error) {
    if (error.code !== "cannot_cancel_after_burn") throw error;
    facts.isBurned = true;
    set({ notice: notice(error) });
  } finally {
    if (isAsking || facts.isBurned) await show(id, facts);
  }
  tellTabs();
}

/** The API is told again which transaction the wallet sent. */
export const confirmAgain = (id) => confirmKept(id, () => state.upgrade?.id === id);

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
function wait(id) {
  const mine = (running = new AbortController());
  const isMine = () => running === mine;
  const onState = (connection) => isMine() && take({ type: "connection", ...connection });
  void follow(id, mine, onState, "auto");
  if (!kept.get(`burn.${id}`)) return void lookForBurn(id, isMine);
  if (!state.upgrade.isUnconfirmed) void confirmKept(id, isMine).catch((error) => isMine() && tell(error));
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
    lose();
    tell(error);
  }
}

/** It is not followed any more, and says so: the person, or the next look, begins again. */
function lose() {
  stop();
  change({ step: null, isLost: true, connection: { state: "lost" } });
}

/** Who is not signed in any more does that first; what was kept of the burn is there afterwards. */
export function tell(error) {
  if (error.code === "invalid_token") leave();
  set({ notice: notice(error) });
}

async function failed(error) {
  const { upgrade } = state;
  if (error.code === "invalid_token") return tell(error);
  if (error.upgradeRequestId && error.code === "upgrade_active") {
    set({ notice: notice(error) });
    return show(error.upgradeRequestId).then(() => set({ notice: notice(error) }));
  }
  if (!upgrade.id) return set({ upgrade: null, notice: notice(error) });
  // No other error says that the burn which was sent is none.
  if (error.name === "EndedError") kept.set(`burn.${upgrade.id}`, null);
  const status = await refresh(upgrade.id).catch(() => upgrade.request?.status);
  if (state.upgrade?.id !== upgrade.id) return;
  // A cancelled or expired request says so itself.
  if (isActive(status)) set({ notice: notice(error) });
  change({ step: null, isUnconfirmed: Boolean(kept.get(`burn.${upgrade.id}`)) });
  if (status === "initiated") wait(upgrade.id);
  else if (isActive(status)) lose();
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
    case "signed":
      return change({ step: "handing in" });
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
  if (event.status !== "initiated") kept.set(`burn.${upgrade.id}`, null); // the API has it now
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
  if (upgradeRequest.status !== "initiated") kept.set(`burn.${id}`, null);
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
  tellTabs();
  await load().catch(() => {}); // the timeline tells the essential
  if (request.newNftId) {
    await Promise.all([lookAt(request.newNftId), into("lineage", () => client.lineage(request.newNftId))]);
  }
}

function remember(id) {
  history.replaceState(null, "", `#/upgrade/${id}`);
}
