// What is shown to who is signed in: the NFT, its upgrade, and what belongs to the wallet.

import { load } from "./account.js";
import { h } from "./dom.js";
import { roman } from "./format.js";
import { claimPanel, emptyPanel } from "./panels/empty.js";
import { leaderboardPanel } from "./panels/leaderboard.js";
import { lineagePanel } from "./panels/lineage.js";
import { mailboxPanel, notificationsPanel } from "./panels/notifications.js";
import { offerPanel } from "./panels/offer.js";
import { pastPanel } from "./panels/past.js";
import { plate } from "./panels/plate.js";
import { upgradePanel } from "./panels/upgrade.js";
import { identify } from "./session.js";
import { set, state } from "./store.js";
import { followAgain, isActive, resume, tell } from "./upgrade.js";

export { load } from "./account.js";
export { resume, stop } from "./upgrade.js";

export function content() {
  return [h("div", { key: "stage", class: "stage" }, shown()), rest()];
}

const present = () => state.nfts.find(({ status }) => status !== "burned");

/** The NFT on the left, what is to be done with it on the right. */
function shown() {
  const { upgrade } = state;
  if (upgrade) return upgradeShown(upgrade);
  const nft = present();
  if (!nft) return [h("div", { key: "single", class: "single" }, emptyPanel(state))];
  const facts = { mint: nft.nftId, level: nft.level, name: nft.name, owner: state.session.address };
  return [h("div", { key: "plates", class: "plates" }, plate(facts, state)), offerPanel(nft, state)];
}

/** On a phone one is below the other: first what happens, and once it has happened the new NFT. */
function upgradeShown(upgrade) {
  const plates = h("div", { key: "plates", class: "plates" }, upgradePlates(upgrade));
  return upgrade.request?.status === "completed" ? [plates, upgradePanel(state)] : [upgradePanel(state), plates];
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

/** Another tab did something, or this one was away: what is shown may be old, or another's. */
export async function lookAgain() {
  if (!state.session || !state.isReady || state.busy) return;
  try {
    if (!(await identify())) return;
    await load();
    if (state.upgrade?.isLost) set({ notice: null });
    await (state.upgrade ? followAgain() : resume());
  } catch (error) {
    if (error.code === "invalid_token") tell(error);
    // Else the next look, or the person, finds out; what is shown was true a moment ago.
  }
}
