// What the page knows. Panels read it, actions change it with `set`, and the page follows.

export const state = {
  isReady: false, // the first answers are in
  session: null, // {address, wallet, chain}
  wallets: [], // found by the Wallet Standard
  local: null, // addresses of the local stack's parts; null elsewhere
  waitsFor: null, // {name, stop} of the wallet that is asked to connect or to sign in
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
  developer: { scenario: null, walletSaysNo: false, forgetsToConfirm: false, retriesByItself: true },
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

/** The same for the upgrade that is shown, if one is. */
export const change = (facts) => state.upgrade && set({ upgrade: { ...state.upgrade, ...facts } });

export const subscribe = (listener) => listeners.add(listener);

// Storage may be forbidden, full, or somebody else's text: then nothing is kept but in this page.
const held = new Map();

export const storage = {
  getItem(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return held.get(name) ?? null;
    }
  },
  setItem(name, text) {
    try {
      localStorage.setItem(name, text);
    } catch {
      held.set(name, text);
    }
  },
  removeItem(name) {
    held.delete(name);
    try {
      localStorage.removeItem(name);
    } catch {
      // It is gone from the page.
    }
  },
  names() {
    try {
      return Object.keys(localStorage);
    } catch {
      return [...held.keys()];
    }
  },
};

export const kept = {
  get(name) {
    try {
      return JSON.parse(storage.getItem(`nft-upgrade.${name}`));
    } catch {
      return null;
    }
  },
  set(name, value) {
    if (value === null) storage.removeItem(`nft-upgrade.${name}`);
    else storage.setItem(`nft-upgrade.${name}`, JSON.stringify(value));
  },
  /** All whose names begin so. */
  forget(beginning) {
    const names = storage.names().filter((name) => name.startsWith(`nft-upgrade.${beginning}`));
    names.forEach(storage.removeItem);
  },
};
