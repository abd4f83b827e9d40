// How sure Solana is of the transactions of the upgrade that is shown, and the checks of its burn.

import { client } from "./api.js";
import { commitmentOf } from "./chain.js";
import { change, state } from "./store.js";

const COMMITMENT_EVERY_MS = 400;
const followed = new Set();

/** How sure Solana is of a transaction, until it is final. */
export async function followCommitment(name, id, signature) {
  if (!signature || !state.local || followed.has(signature)) return;
  followed.add(signature);
  for (let looks = 0; looks < 200 && state.upgrade?.id === id; looks++) {
    const commitment = await commitmentOf(signature);
    if (state.upgrade?.id === id) change({ commitments: { ...state.upgrade.commitments, [name]: commitment } });
    if (commitment === "finalized") return;
    await new Promise((resolve) => setTimeout(resolve, COMMITMENT_EVERY_MS));
  }
  followed.delete(signature);
}

/** The checks of the burn, where the events came without them. */
export async function askProof(id) {
  const { burnProof } = await client.upgrades.burnProof(id);
  if (state.upgrade?.id === id) change({ proof: burnProof });
}
