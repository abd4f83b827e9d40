// What the page knows. Panels read it, actions change it with `set`, and the page follows.

export const state = {
  isReady: false, // the first answers are in
  session: null, // {address, wallet, chain}
  wallets: [], // found by the Wallet Standard
  local: null, // addresses of the local stack's parts; null elsewhere
  busy: null, // the name of what is being done
  notice: null, // {tone, title, text, code}
  nfts: [],
  facts: {}, // mint -> what the chain says of it
  eligibility: null,
  understood: false, // the check box before the burn
  mode: "two_step", // or "atomic": burn and mint in one transaction
  signsAlone: false, // the wallet signs without sending, which atomic mode needs
  upgrade: null, // the one that is shown: see upgrade.js
  requests: [],
  lineage: null,
  leaderboard: null,
  stats: null,
  preferences: null,
  mailbox: [],
  isOnline: navigator.onLine,
  developer: { scenario: "none", walletSaysNo: false, forgetsToConfirm: false, retriesByItself: true },
};

/** What is another wallet's when another one signs in. */
export const empty = {
  nfts: [],
  requests: [],
  eligibility: null,
  lineage: null,
  stats: null,
  preferences: null,
  mailbox: [],
  facts: {},
  understood: false,
  mode: "two_step",
  upgrade: null,
};

const listeners = new Set();
let isDue = false;

export function set(changes) {
  Object.assign(state, changes);
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    for (const listener of listeners) listener(state);
  });
}

export const subscribe = (listener) => listeners.add(listener);

// Storage may be forbidden, full, or somebody else's text: then it is as if nothing was kept.
export const kept = {
  get(name) {
    try {
      return JSON.parse(localStorage.getItem(`nft-upgrade.${name}`));
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      if (value === null) localStorage.removeItem(`nft-upgrade.${name}`);
      else localStorage.setItem(`nft-upgrade.${name}`, JSON.stringify(value));
    } catch {
      // The page works without; a reload asks again.
    }
  },
};
