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
const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

/** Two units at most: "3 min 20 s". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first < 0) return "0 s";
  const parts = UNITS.slice(first, first + 2).map(([name, size], place) => {
    const left = place ? whole % UNITS[first][1] : whole;
    return [Math.floor(left / size), name];
  });
  return parts.filter(([count]) => count).map(([count, name]) => `${count} ${name}`).join(" ");
}

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
