// Before anybody is signed in: what this is, and with what to enter.

import { picture } from "../art.js";
import { h } from "../dom.js";
import { levelName } from "../format.js";
import { hasTestWallet, signIn, useTestWallet } from "../session.js";

const SHOWN = "AIW3";

export function signInPanel(state) {
  return h(
    "div",
    { key: "sign-in", class: "entrance" },
    h(
      "section",
      { class: "pitch", "aria-labelledby": "pitch-title" },
      h("h1", { id: "pitch-title" }, "One is burned. ", h("br"), "The next one rises."),
      h("p", { class: "lead" }, "Burn your level-N NFT on Solana and receive level N + 1 in the same wallet. Exactly one, provably, whatever fails on the way."),
      ways(state),
    ),
    h("ol", { class: "ladder", "aria-label": "The five levels" }, [1, 2, 3, 4, 5].map(rung)),
  );
}

const rung = (level) =>
  h("li", { style: undefined, class: `rung rung-${level}` }, picture(`${SHOWN} level ${level}`, level), h("span", null, levelName(level)));

function ways(state) {
  return h(
    "div",
    { class: "ways" },
    state.wallets.map((wallet) => found(state, wallet)),
    state.wallets.length === 0 && h("p", { class: "quiet" }, "No Solana wallet was found in this browser. Install one (Phantom, Solflare, Backpack, …) and reload", state.local ? ", or take a test wallet." : "."),
    state.local && testWallet(state),
  );
}

function found(state, wallet) {
  const isBusy = state.busy === `sign-in ${wallet.name}`;
  return h(
    "button",
    { key: wallet.name, class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => signIn(wallet) },
    h("img", { src: wallet.icon, alt: "", width: 20, height: 20 }),
    isBusy ? `Waiting for ${wallet.name} …` : `Sign in with ${wallet.name}`,
  );
}

function testWallet(state) {
  const isBusy = state.busy === "sign-in test";
  const isKept = hasTestWallet();
  return h(
    "div",
    { key: "test wallet", class: "test-way" },
    h(
      "button",
      { class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => useTestWallet() },
      isBusy ? "Signing in …" : isKept ? "Sign in with the test wallet" : "Create a test wallet",
    ),
    isKept && h("button", { class: "link", type: "button", disabled: Boolean(state.busy), onclick: () => useTestWallet({ isNew: true }) }, "or take a new one"),
    h("p", { class: "quiet" }, "On this machine only: a key that this browser keeps in the open. Never give it anything of worth."),
  );
}
