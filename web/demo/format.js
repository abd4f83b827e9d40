// Texts of addresses, times and places in an explorer.

import { h } from "./dom.js";
import { state } from "./store.js";

export const short = (text, count = 4) =>
  text && text.length > 2 * count + 1 ? `${text.slice(0, count)}…${text.slice(-count)}` : (text ?? "");

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const clock = (iso) => CLOCK.format(new Date(iso));
export const day = (iso) => DAY.format(new Date(iso));
export const date = (iso) => DATE.format(new Date(iso));

export const roman = (level) => ["0", "I", "II", "III", "IV", "V", "VI", "VII"][level] ?? String(level);

const NAMES = ["", "Tech Chicken", "Quant Ape", "On-chain Hunter", "Alpha Alchemist", "Quantum Alchemist"];

/** A name for a level that no answer named yet. */
export const levelName = (level) => NAMES[level] ?? `Level ${level}`;
export const TOP_LEVEL = NAMES.length - 1;

/** Null on this machine: no explorer looks here. */
export function explorer(kind, id) {
  const chain = state.session?.chain ?? "";
  if (state.local || chain.endsWith("localnet")) return null;
  const cluster = chain.split(":")[1] ?? "mainnet";
  return `https://explorer.solana.com/${kind}/${id}${cluster === "mainnet" ? "" : `?cluster=${cluster}`}`;
}

/** An address or signature: short, whole for who listens or hovers, to be copied or looked up. */
export function reference(kind, id, label) {
  if (!id) return null;
  const url = explorer(kind, id);
  const text = h("code", { title: id }, short(id, 6));
  return h(
    "span",
    { class: "reference" },
    url ? h("a", { href: url, target: "_blank", rel: "noreferrer noopener", "aria-label": `${label} in the explorer` }, text) : text,
    h("button", { class: "copy", type: "button", "aria-label": `Copy ${label}`, onclick: (click) => copy(click.currentTarget, id) }, "Copy"),
  );
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.dataset.done = "Copied";
  } catch {
    button.dataset.done = "Not allowed";
  }
  setTimeout(() => delete button.dataset.done, 1_500);
}
