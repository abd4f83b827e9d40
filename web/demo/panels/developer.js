// What is in the drawer for developers, on this machine alone.

import { h } from "../dom.js";
import { BY_HAND, post } from "../local.js";
import { busy } from "../session.js";
import { set, state } from "../store.js";

const SCENARIOS = [
  ["none", "All goes well", "Every order below is taken back."],
  ["slow-finality", "Slow finality", "A block is final after 13 s instead of 1.2 s."],
  ["rpc-down", "Solana does not answer", "Every call of the node gets HTTP 500 until you take it back."],
  ["mint-fails-twice", "The mint fails twice", "The system wallet has no money for two rounds; the third goes through."],
  ["lost-sends", "Sends are lost", "The first two sends of a mint never arrive."],
  ["fork", "A fork", "Burn and mint are confirmed, rolled back once, and land again."],
  ["lag", "A node that lags", "It answers as of 8 s ago."],
];

const FOR_EVER = 1_000_000_000;

async function play(scenario) {
  await control({ scenario: scenario === "rpc-down" ? "none" : scenario });
  if (scenario === "rpc-down") await control({ method: "*", kind: "error-500", count: FOR_EVER });
  set({ developer: { ...state.developer, scenario } });
}

const control = (order) => post(`${state.local.solanaRpcUrl}/local/faults`, order);

function retryByItself(isOn) {
  try {
    if (isOn) sessionStorage.removeItem(BY_HAND);
    else sessionStorage.setItem(BY_HAND, "1");
  } catch {
    // Storage is forbidden: it is remembered until the next reload.
  }
  set({ developer: { ...state.developer, retriesByItself: isOn } });
}

const killRelay = () => post("/local/relay/kill", {});

export function developerPanel(state) {
  return h(
    "div",
    { class: "developer-grid" },
    h("fieldset", null, h("legend", null, "The chain"), state.developer.scenario === null && h("p", { class: "small" }, "The node does not say which of these is on since before this page was loaded. What you choose is applied."), SCENARIOS.map((each) => scenario(each, state))),
    h(
      "fieldset",
      null,
      h("legend", null, "Wallet and page"),
      toggle("walletSaysNo", "The wallet says no, but the burn landed", "The test wallet sends the burn, then reports a refusal.", state),
      toggle("forgetsToConfirm", "The burn landed, the confirmation is never sent", "The page dies (reloads) right after the burn.", state),
      choice({ type: "checkbox", name: "retriesByItself", checked: state.developer.retriesByItself, onchange: ({ currentTarget }) => retryByItself(currentTarget.checked) }, "Failed mints are retried by this page", "Off: by the button, or by the sweep."),
      h("button", { class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("relay", killRelay) }, "Kill the relay"),
      h("p", { class: "small" }, "kill -9; it is back within a second or two. The live connection resumes where it was cut."),
    ),
  );
}

function scenario([name, title, text], state) {
  const begin = () => busy("scenario", () => play(name));
  return choice({ type: "radio", name: "scenario", value: name, checked: state.developer.scenario === name, onchange: begin }, title, text);
}

function toggle(name, title, text, state) {
  const turn = ({ currentTarget }) => set({ developer: { ...state.developer, [name]: currentTarget.checked } });
  return choice({ type: "checkbox", name, checked: state.developer[name], onchange: turn }, title, text);
}

const choice = (props, title, text) => h("label", { key: title, class: "check" }, h("input", props), h("span", null, title, h("span", { class: "reason" }, text)));
