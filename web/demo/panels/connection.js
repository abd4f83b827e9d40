// How this page hears of news.

import { h } from "../dom.js";
import { duration } from "../duration.js";

export function connectionLine(connection, state) {
  const [tone, text] = state.isOnline ? said(connection) : ["waiting", "Offline. The page goes on when you are back."];
  return h("p", { key: "connection", class: `connection connection-${tone}`, "data-connection": connection.state }, h("span", { class: "lamp", "aria-hidden": "true" }), text);
}

function said({ state, delayMs }) {
  switch (state) {
    case "live":
      return ["live", "Live: every step appears here as it happens."];
    case "waiting":
      return ["waiting", `The connection was lost; the next attempt is in ${duration(delayMs ?? 1_000)}. The upgrade itself goes on.`];
    case "polling":
      return ["polling", "Asking every two seconds: the live connection is used by other tabs, or not possible here."];
    case "lost":
      return ["waiting", "This page does not follow it at the moment. The upgrade itself goes on."];
    case "ended":
      return ["ended", "Nothing more to come."];
    default:
      return ["waiting", "Connecting …"];
  }
}
