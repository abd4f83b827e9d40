// Figures and statuses as people read them.

export const STATUSES = {
  burn_pending: "Burn being verified",
  burn_confirmed: "Burned, mint not begun",
  mint_pending: "Minting",
  failed_retryable: "Mint failed, tried again by itself",
  under_review: "Under review",
  completed: "Completed",
  initiated: "Open, not burned",
  cancelled: "Cancelled",
  expired: "Expired",
  failed_permanent: "Failed",
};

const LAMPORTS = 1_000_000_000;

export const sol = (lamports) =>
  `${(lamports / LAMPORTS).toLocaleString("en", { maximumFractionDigits: 3 })} SOL`;

/** A base58 address or signature that may be told apart at a glance. */
export const short = (text) => (text.length > 14 ? `${text.slice(0, 6)}…${text.slice(-6)}` : text);

export const clock = (iso) =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const ACTS = {
  pause: "pause minting",
  resume: "resume minting",
  retry: "retry the mint of",
  accept: "accept the burn of",
  refuse: "refuse the burn of",
};
