// Compared with the backend's own sets by a test.

/** Statuses that hold the NFT: the upgrade goes on. */
export const ACTIVE = Object.freeze([
  "initiated",
  "burn_pending",
  "burn_confirmed",
  "mint_pending",
  "failed_retryable",
  "under_review",
]);

/** Statuses after which a stream ends. */
export const TERMINAL = Object.freeze(["completed", "cancelled", "expired", "failed_permanent"]);

export const isTerminal = (status) => TERMINAL.includes(status);
