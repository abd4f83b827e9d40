// The wallet's upgrades so far.

import { h } from "../dom.js";
import { day, levelName } from "../format.js";
import { busy } from "../session.js";
import { focusOn } from "../tell.js";
import { show } from "../upgrade.js";

export function pastPanel({ requests, upgrade }) {
  if (requests.length === 0) return null;
  return h(
    "section",
    { key: "past", class: "panel", "aria-labelledby": "past-title" },
    h("h2", { id: "past-title" }, "Your upgrades"),
    h("ul", { class: "list" }, requests.map((request) => row(request, upgrade))),
  );
}

function row({ id, status: listed, targetLevel, createdAt }, upgrade) {
  const isShown = upgrade?.id === id;
  const status = (isShown && upgrade.request?.status) || listed; // the shown one is newer than the list
  const look = () => busy("show", () => show(id)).then(() => focusOn("upgrade-title"));
  return h(
    "li",
    { key: id },
    h("button", { class: "link", type: "button", "aria-current": isShown ? "true" : undefined, onclick: look }, `To ${levelName(targetLevel)}`),
    h("span", { class: "small" }, `${status.replaceAll("_", " ")}, ${day(createdAt)}`),
  );
}
