// A wallet without an NFT, and the claim of one that was burned elsewhere.

import { load } from "../account.js";
import { h } from "../dom.js";
import { faucet } from "../local.js";
import { busy } from "../session.js";
import { set } from "../store.js";
import { claim } from "../upgrade.js";

export function emptyPanel(state) {
  return h(
    "section",
    { key: "empty", class: "sheet", "aria-labelledby": "empty-title" },
    h("p", { class: "eyebrow" }, "Your wallet"),
    h("h1", { id: "empty-title" }, "No NFT of the collection yet"),
    h("p", null, "This wallet holds none of the five levels. If you just received one, it may take a moment to be seen."),
    h(
      "div",
      { class: "row" },
      state.local &&
        h("button", { class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => busy("faucet", ask(state)) }, state.busy === "faucet" ? "Minting level 1 …" : "Get a level-1 NFT from the faucet"),
      h("button", { class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("look", load) }, "Look again"),
    ),
    state.local && h("p", { class: "quiet" }, "The faucet of this machine gives each wallet one NFT and 2 SOL, once. It takes a few seconds."),
  );
}

const ask = (state) => async () => {
  await faucet(state.session.address);
  await load();
};

export function claimPanel(state) {
  return h(
    "details",
    { key: "claim", class: "panel" },
    h("summary", null, "I burned my NFT somewhere else"),
    h("p", null, "With your wallet's own burn button, for example. Its successor is still yours: name the NFT, or the transaction that burned it."),
    h(
      "form",
      { onsubmit: (event) => submit(event) },
      h("label", { for: "claimed" }, "NFT address or transaction signature"),
      h("div", { class: "row" }, h("input", { id: "claimed", name: "claimed", required: true, autocomplete: "off", spellcheck: "false", maxlength: 90 }), h("button", { class: "button button-plain", disabled: Boolean(state.busy) }, state.busy === "claim" ? "Asking Solana …" : "Claim the successor")),
    ),
  );
}

const LONGEST_ADDRESS = 44;

function submit(event) {
  event.preventDefault();
  const text = new FormData(event.currentTarget).get("claimed").trim();
  const burn = text.length > LONGEST_ADDRESS ? { burnTransactionHash: text } : { mint: text };
  void busy("claim", async () => {
    if (await claim(burn)) return;
    set({ notice: { tone: "calm", title: "Solana does not show this burn as final yet.", text: "Nothing is lost. Claim it again in a few seconds.", code: "claim_pending" } });
  });
}
