// The drawer for developers, on this machine alone: bad days, to see how the page copes.

import { h } from "../dom.js";
import { SCENARIOS, killRelay, play, retryByItself } from "../local.js";
import { busy } from "../session.js";
import { set } from "../store.js";

export function developerPanel(state) {
  if (!state.local) return null;
  return h(
    "details",
    { key: "developer", class: "developer" },
    h("summary", null, "Developer: bad days"),
    h(
      "div",
      { class: "developer-grid" },
      h("fieldset", null, h("legend", null, "The chain"), SCENARIOS.map((each) => scenario(each, state))),
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
