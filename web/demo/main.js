// The page from its beginning: what is there, who is signed in, and everything drawn from that.

import { h, render } from "./dom.js";
import { reference } from "./format.js";
import { find } from "./local.js";
import { noticePanel, offlineBanner, waitingPanel } from "./panels/notice.js";
import { signInPanel } from "./panels/sign-in.js";
import { developer, loaded } from "./parts.js";
import { findWallets, followOtherTabs, restore, signOut } from "./session.js";
import { set, state, subscribe } from "./store.js";
import { onTold } from "./tell.js";
import { notice } from "./words.js";

function draw() {
  render(document.getElementById("who"), who());
  render(document.getElementById("main"), [offlineBanner(state), waitingPanel(state), noticePanel(state.notice), ...content()]);
  render(document.getElementById("drawer"), drawer());
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
  return loaded.inside?.content() ?? []; // where it could not be loaded the notice says so
}

/** For developers, on this machine alone: bad days, to see how the page copes. */
function drawer() {
  if (!state.local) return null;
  const open = ({ currentTarget }) => currentTarget.open && developer().then(() => set({}), (error) => set({ notice: notice(error) }));
  return h("details", { key: "developer", class: "developer", ontoggle: open }, h("summary", null, "Developer: bad days"), loaded.developer?.developerPanel(state));
}

/** Another tab did something, or this one was away. */
const lookAgain = () => void loaded.inside?.lookAgain();

async function begin() {
  subscribe(draw);
  followOtherTabs();
  onTold(lookAgain);
  addEventListener("online", () => set({ isOnline: true }));
  addEventListener("offline", () => set({ isOnline: false }));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && lookAgain());
  findWallets();
  set({ local: await find() });
  await restore();
}

void begin();
