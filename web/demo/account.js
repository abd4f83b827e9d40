// What belongs to the signed-in wallet, read again whenever it may have changed.

import { client } from "./api.js";
import { lookAt } from "./chain.js";
import { mailbox } from "./local.js";
import { set, state } from "./store.js";

/** The essential first: it decides what the page shows. Throws what the API refused. */
export async function load() {
  const [{ nfts }, { requests }] = await Promise.all([client.nfts(), client.upgrades.list({ limit: 20 })]);
  set({ nfts, requests });
  const present = nfts.find(({ status }) => status !== "burned");
  void loadRest(present);
}

async function loadRest(present) {
  if (present) void lookAt(present.nftId);
  await Promise.all([
    into("eligibility", () => client.eligibility()),
    into("lineage", () => (present ? client.lineage(present.nftId) : null)),
    into("leaderboard", () => client.leaderboard({ limit: 10 })),
    into("stats", () => client.stats()),
    into("preferences", () => client.preferences.get()),
    into("mailbox", () => mailbox()),
  ]);
}

/** A side panel that cannot be filled stays as it was: it must not disturb an upgrade. */
export async function into(name, ask) {
  try {
    set({ [name]: await ask() });
  } catch {
    if (state[name] === undefined) set({ [name]: null });
  }
}
