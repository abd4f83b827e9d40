// Whether the NFT of an open request is burned already. The page may have died after the burn, so
// this is asked, never assumed: of the chain where the page can read it, else of the API.

import { client } from "./api.js";
import { lookAt } from "./chain.js";
import { change, kept, state } from "./store.js";

const CLAIM_EVERY_MS = 15_000; // claims are limited to 5 a minute

/** Until it is known, or `isMine()` ends; `isBurned` is true, false, or null: it cannot be said. */
export async function lookForBurn(id, isMine) {
  while (isMine()) {
    const isBurned = state.upgrade.isBurned ?? (await askForBurn(id));
    if (!isMine() || state.upgrade.request.status !== "initiated") return;
    change({ isBurned });
    if (isBurned === false) return;
    if (isBurned) await nameBurn(isMine);
    else await pause();
  }
}

async function askForBurn(id) {
  const { currentNftId: mint } = state.upgrade.request;
  const facts = await lookAt(mint);
  if (facts) return facts.supply === "0";
  try {
    await client.upgrades.burnTransaction(id);
    return false; // nobody hands out a burn of what is burned
  } catch (error) {
    return isFinal(error) && error.code !== "wrong_status" ? askByClaim(mint) : null;
  }
}

/** The transaction was refused: because the NFT is gone, or for another reason. */
async function askByClaim(mint) {
  try {
    const { status } = await client.upgrades.claim({ mint });
    return status ? true : null; // null: Solana could not be asked
  } catch (error) {
    return error.code === "nft_not_burned" ? false : null;
  }
}

/** Burned, but nobody told the API: it finds that out by itself, and sooner when asked to look. */
async function nameBurn(isMine) {
  const { currentNftId: mint } = state.upgrade.request;
  while (isMine()) {
    const claimed = await client.upgrades.claim({ mint }).catch(() => null);
    if (claimed?.status && claimed.status !== "initiated") return void change({ isBurned: true });
    await pause();
  }
}

/** Tells the API again which transaction the wallet had sent. */
export async function confirmKept(id, isMine) {
  change({ step: "confirming", isUnconfirmed: false });
  try {
    await client.upgrades.confirm(id, kept.get(`burn.${id}`));
  } catch (error) {
    const isTold = error.code === "wrong_status"; // it was found meanwhile; the events say so
    if (isMine()) change({ step: null, isUnconfirmed: !isTold });
    if (!isTold) throw error;
  }
}

const isFinal = (error) => error.name === "ProblemError" && !error.retryable;

const pause = () => new Promise((resolve) => setTimeout(resolve, CLAIM_EVERY_MS));
