// Telling others: who listens instead of looking, and the other tabs.

const channel = globalThis.BroadcastChannel ? new BroadcastChannel("nft-upgrade") : null;

/** For screen readers; the timeline shows the same. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** That something of this wallet has changed; what, they ask themselves. */
export const tellTabs = () => channel?.postMessage("changed");

export function onTold(act) {
  if (channel) channel.onmessage = act;
}

/** After the next change of the page: where the keyboard goes on. */
export function focusOn(id) {
  queueMicrotask(() => queueMicrotask(() => document.getElementById(id)?.focus()));
}
