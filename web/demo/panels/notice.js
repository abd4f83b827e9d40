// One sentence of what went wrong, one of what to do.

import { h } from "../dom.js";
import { set } from "../store.js";

export function noticePanel(notice) {
  if (!notice) return null;
  return h(
    "div",
    { key: "notice", class: `word word-${notice.tone}`, role: notice.tone === "problem" ? "alert" : "status" },
    h("p", null, h("strong", null, notice.title), " ", notice.text),
    h("p", { class: "small" }, h("code", null, notice.code), notice.requestId && [" · request ", h("code", null, notice.requestId)]),
    h("button", { class: "dismiss", type: "button", "aria-label": "Dismiss this message", onclick: () => set({ notice: null }) }, "×"),
  );
}

/** A wallet that never answers must not hold up everything else. */
export function waitingPanel({ waitsFor }) {
  if (!waitsFor) return null;
  return h(
    "p",
    { key: "waiting", class: "banner", role: "status" },
    `${waitsFor.name} is being asked; look for its window. `,
    h("button", { class: "link", type: "button", onclick: waitsFor.stop }, "Stop waiting"),
  );
}

export function offlineBanner(state) {
  if (state.isOnline) return null;
  const goesOn = state.upgrade ? "The upgrade goes on without this page; it catches up when you are back." : "This page goes on when you are back.";
  return h("p", { key: "offline", class: "banner", role: "status" }, h("strong", null, "You are offline. "), goesOn);
}
