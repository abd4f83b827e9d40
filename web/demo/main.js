// The page from its beginning: what is there, who is signed in, and everything drawn from that.

import { load } from "./account.js";
import { h, render } from "./dom.js";
import { reference, roman } from "./format.js";
import { find } from "./local.js";
import { developerPanel } from "./panels/developer.js";
import { claimPanel, emptyPanel } from "./panels/empty.js";
import { leaderboardPanel } from "./panels/leaderboard.js";
import { lineagePanel } from "./panels/lineage.js";
import { noticePanel, offlineBanner } from "./panels/notice.js";
import { mailboxPanel, notificationsPanel } from "./panels/notifications.js";
import { offerPanel } from "./panels/offer.js";
import { pastPanel } from "./panels/past.js";
import { plate } from "./panels/plate.js";
import { signInPanel } from "./panels/sign-in.js";
import { upgradePanel } from "./panels/upgrade.js";
import { findWallets, followOtherTabs, restore, signOut } from "./session.js";
import { set, state, subscribe } from "./store.js";
import { onTold } from "./tell.js";
import { isActive, resume } from "./upgrade.js";

function draw() {
  render(document.getElementById("who"), who());
  render(document.getElementById("main"), [offlineBanner(state), noticePanel(state.notice), ...content()]);
  render(document.getElementById("drawer"), developerPanel(state));
  document.documentElement.dataset.ready = state.isReady;
}

function who() {
  const { session } = state;
  if (!session) return null;
  return [
    h("span", { class: "wallet" }, h("span", { class: "visually-hidden" }, "Signed in as "), reference("address", session.address, "your wallet's address")),
    h("button", { class: "link", type: "button", onclick: signOut }, "Sign out"),
  ];
}

function content() {
  if (!state.session) return [state.isReady ? signInPanel(state) : null];
  if (!state.isReady) return [h("p", { key: "loading", class: "loading", role: "status" }, "Looking at your wallet …")];
  return [h("div", { key: "stage", class: "stage" }, shown()), rest()];
}

const present = () => state.nfts.find(({ status }) => status !== "burned");

/** The NFT on the left, what is to be done with it on the right. */
function shown() {
  const { upgrade } = state;
  if (upgrade) return [h("div", { key: "plates", class: "plates" }, upgradePlates(upgrade)), upgradePanel(state)];
  const nft = present();
  if (!nft) return [h("div", { key: "single", class: "single" }, emptyPanel(state))];
  const facts = { mint: nft.nftId, level: nft.level, name: nft.name, owner: state.session.address };
  return [h("div", { key: "plates", class: "plates" }, plate(facts, state)), offerPanel(nft, state)];
}

const GONE = { burn_confirmed: "burned", mint_pending: "burned", failed_retryable: "burned", completed: "burned", under_review: "gone" };

function upgradePlates({ request, nft }) {
  const old = request ? { mint: request.currentNftId, level: request.currentLevel } : { mint: nft?.nftId, level: nft?.level };
  if (!old.mint) return null;
  const gone = GONE[request?.status];
  const before = plate({ ...old, owner: state.session.address, art: gone ? "ash" : "whole", isSmall: request?.status !== "initiated", caption: `Level ${roman(old.level)}${gone ? `, ${gone}` : ""}` }, state);
  if (request && !isActive(request.status) && request.status !== "completed") return plate({ ...old, owner: state.session.address }, state);
  return [successor(request, old), before];
}

function successor(request, old) {
  const level = old.level + 1;
  if (request?.status === "completed") return plate({ mint: request.newNftId, level, owner: state.session.address }, state);
  const isDrawn = ["burn_confirmed", "mint_pending", "failed_retryable"].includes(request?.status);
  return plate({ mint: old.mint, level, art: isDrawn ? "drawing" : "outline", caption: `Level ${roman(level)}, to come` }, state);
}

function rest() {
  return h(
    "div",
    { key: "rest", class: "rest" },
    lineagePanel(state),
    pastPanel(state),
    leaderboardPanel(state),
    notificationsPanel(state),
    mailboxPanel(state),
    claimPanel(state),
  );
}

/** Another tab did something, or this one was away: what is shown may be old. */
async function lookAgain() {
  if (!state.session || !state.isReady || state.busy) return;
  try {
    await load();
    if (!state.upgrade) await resume();
  } catch {
    // The next look, or the person, finds out; what is shown was true a moment ago.
  }
}

async function begin() {
  subscribe(draw);
  followOtherTabs();
  onTold(lookAgain);
  addEventListener("online", () => set({ isOnline: true }));
  addEventListener("offline", () => set({ isOnline: false }));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void lookAgain());
  findWallets();
  set({ local: await find() });
  await restore();
}

void begin();
