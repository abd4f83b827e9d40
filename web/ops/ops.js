// The operators' page: sign in, look every few seconds, act with a reason.

import { createClient, createTestWallet, wallets } from "../client/index.js";
import * as api from "./api.js";
import * as view from "./view.js";
import { short } from "./words.js";

const EVERY_MS = 4_000;
const LOCAL_NAMES = ["localhost", "127.0.0.1"];
const { at } = view;

const ACTS = {
  pause: {
    path: () => "/minting/pause",
    title: "Pause minting",
    text: "New upgrades are refused at once. Whoever has burned still gets the next NFT.",
    hint: "Users read this reason.",
  },
  resume: {
    path: () => "/minting/resume",
    title: "Resume minting",
    text: "New upgrades are taken again.",
    hint: "Kept in the journal.",
  },
  retry: {
    path: (id) => `/requests/${id}/retry`,
    title: "Retry the mint",
    text: "Another execution begins now. There is only one address the next NFT can have, so it cannot be minted twice.",
    hint: "Kept in the journal and in the audit record.",
  },
  accept: {
    path: (id) => `/requests/${id}/accept`,
    title: "Accept this burn",
    text: "The next NFT is minted for the request's wallet. This cannot be taken back.",
    hint: "Kept in the journal and in the audit record.",
  },
  refuse: {
    path: (id) => `/requests/${id}/refuse`,
    title: "Refuse this burn",
    text: "There will be no next NFT for this burn, and the request ends.",
    hint: "The user reads this reason.",
  },
};

// --- looking ------------------------------------------------------------------------------------

const seen = { pages: 1, journalPages: 1, lastAt: 0, operator: "" };
let timer = 0;

async function look() {
  clearTimeout(timer);
  try {
    const [status, list, entries] = await Promise.all([api.status(), readRequests(), readJournal()]);
    signedIn(status, list, entries);
  } catch (error) {
    failed(error);
    if (error.status === 401 || error.status === 403) return;
  }
  // A page in the background asks nothing; it looks as soon as somebody does.
  if (!document.hidden) timer = setTimeout(look, EVERY_MS);
}

async function readRequests() {
  const found = { requests: [], nextCursor: null, total: 0 };
  for (let page = 0; page < seen.pages; page++) {
    const answer = await api.requests(found.nextCursor);
    found.requests.push(...answer.requests);
    Object.assign(found, { nextCursor: answer.nextCursor, total: answer.total });
    if (!answer.nextCursor) break;
  }
  return found;
}

async function readJournal() {
  const found = { entries: [], nextCursor: null, isSound: true };
  for (let page = 0; page < seen.journalPages; page++) {
    const answer = await api.journal(found.nextCursor);
    found.entries.push(...answer.entries);
    found.isSound &&= answer.isSound;
    found.nextCursor = answer.nextCursor;
    if (!answer.nextCursor) break;
  }
  return found;
}

function signedIn(status, list, journal) {
  seen.lastAt = Date.now();
  seen.operator = status.operator;
  view.tell("fault", null);
  view.show(at("door"), false);
  view.show(at("view"), true);
  view.figures(status);
  view.minting(status.minting);
  at("minting-switch").dataset.act = status.minting.isPaused ? "resume" : "pause";
  view.cases(list.requests, { onOpen: open, onAct: (kind, id) => ask(kind, id) });
  view.show(at("requests-more"), Boolean(list.nextCursor));
  view.journal(journal.entries, journal.isSound);
  view.show(at("journal-more"), Boolean(journal.nextCursor));
  pulse();
}

function failed(error) {
  if (error.status === 401) return door("Sign in with an operator's wallet. Nothing is sent to Solana and it costs nothing.");
  if (error.status === 403) return door(`${error.message} Sign in with another one, or let an operator add it to OPERATOR_WALLETS.`);
  view.tell("fault", `${error.message} The figures below are old; asking again.`);
  pulse();
}

/** How old the figures are, every second. */
function pulse() {
  const seconds = Math.round((Date.now() - seen.lastAt) / 1000);
  const isOld = seconds > (3 * EVERY_MS) / 1000;
  view.show(at("pulse"), seen.lastAt > 0 && !at("view").hidden);
  at("pulse").classList.toggle("bad", isOld);
  view.write(at("pulse"), `${isOld ? `No news for ${seconds} s` : "Live"} · ${short(seen.operator)}`);
}

async function open(id, place) {
  try {
    view.evidence(place, await api.request(id), () => lookAtChain(id, place));
  } catch (error) {
    place.textContent = error.message;
  }
}

async function lookAtChain(id, place) {
  try {
    const { burnProof } = await api.liveProof(id);
    place.querySelector(".proof")?.replaceWith(view.proof(burnProof));
    view.tell("told", "Solana was asked again; the checks are those of this moment.");
  } catch (error) {
    view.tell("fault", error.message);
  }
}

// --- acting -------------------------------------------------------------------------------------

let asked = null;

function ask(kind, id) {
  asked = { kind, id };
  const { title, text, hint } = ACTS[kind];
  view.write(at("ask-title"), title);
  view.write(at("ask-text"), text);
  view.write(at("ask-hint"), hint);
  view.write(at("ask-do"), title);
  view.tell("ask-fault", null);
  view.tell("told", null);
  at("ask-reason").value = "";
  at("ask").showModal();
}

async function act(event) {
  event.preventDefault();
  const { kind, id } = asked;
  at("ask-do").disabled = true;
  try {
    const { message } = await api.act(ACTS[kind].path(id), at("ask-reason").value);
    at("ask").close();
    view.tell("told", message);
    await refresh(id);
  } catch (error) {
    view.tell("ask-fault", error.message);
    await refresh(id);
  } finally {
    at("ask-do").disabled = false;
  }
}

async function refresh(id) {
  await look();
  const details = id && document.querySelector(`[data-id="${CSS.escape(id)}"] details[open]`);
  if (details) await open(id, details.querySelector(".evidence"));
}

// --- signing in ---------------------------------------------------------------------------------

function door(why) {
  clearTimeout(timer);
  view.write(at("door-why"), why);
  view.show(at("door"), true);
  view.show(at("view"), false);
  view.show(at("pulse"), false);
}

async function enter(connect) {
  view.tell("fault", null);
  try {
    await createClient().signIn(await connect());
    await look();
  } catch (error) {
    view.tell("fault", error.message);
  }
}

function offer(list) {
  const buttons = list.map((wallet) =>
    view.make("button", { type: "button", textContent: wallet.name, onclick: () => enter(() => wallet.connect()) }));
  if (LOCAL_NAMES.includes(location.hostname)) buttons.push(testKey());
  at("wallets").replaceChildren(...buttons);
  view.show(at("no-wallets"), list.length === 0);
}

/** On this machine there is an operator whose key anybody may know. */
const testKey = () =>
  view.make("button", {
    type: "button",
    id: "test-key",
    textContent: "Test operator (this machine)",
    onclick: () => enter(async () => {
      const { seed } = await (await fetch("/local/operator")).json();
      return createTestWallet({ seed: Uint8Array.from(seed.match(/../g), (hex) => Number.parseInt(hex, 16)) });
    }),
  });

// --- beginning ----------------------------------------------------------------------------------

at("minting-switch").addEventListener("click", () => ask(at("minting-switch").dataset.act, null));
at("requests-more").addEventListener("click", () => { seen.pages++; look(); });
at("journal-more").addEventListener("click", () => { seen.journalPages++; look(); });
at("ask-cancel").addEventListener("click", () => at("ask").close());
at("ask-form").addEventListener("submit", act);
document.addEventListener("visibilitychange", () => document.hidden || at("view").hidden || look());
setInterval(pulse, 1_000);
wallets.discover(offer);
offer([]);
look();
