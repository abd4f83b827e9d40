// What happened, with its time, and what is still to come.

import { h } from "../dom.js";
import { duration } from "../duration.js";
import { clock, reference } from "../format.js";
import { explained } from "../words.js";
import { proofDetails } from "./proof.js";

const TO_COME = [
  ["burn_pending", "Burn", "Your wallet signs and sends it."],
  ["burn_confirmed", "Proof of the burn", "Thirteen checks against Solana, once it is final."],
  ["mint_started", "Mint", "The next level is minted to your wallet."],
  ["upgrade_completed", "Done", "Final on Solana, with a signed receipt."],
];

const TITLES = {
  upgrade_initiated: "Opened",
  burn_pending: "Burn received",
  burn_confirmed: "Burn proven",
  burn_rejected: "That was no burn",
  under_review: "Under review",
  mint_started: "Mint started",
  mint_failed_retryable: "The mint failed, and is repeated",
  retry_started: "Mint repeated",
  upgrade_completed: "Next level minted",
  upgrade_cancelled: "Cancelled",
  upgrade_expired: "Expired",
  upgrade_failed: "Ended",
};

const TROUBLE = new Set(["burn_rejected", "under_review", "mint_failed_retryable"]);
const ENDS = new Set(["upgrade_completed", "upgrade_cancelled", "upgrade_expired", "upgrade_failed"]);

export function timeline(upgrade, state) {
  const { events, request } = upgrade;
  const begin = events[0]?.timestamp;
  const facts = { upgrade, state, begin, lastOf: lastOf(events) };
  return h(
    "ol",
    { key: "timeline", class: "timeline", "aria-label": "Steps of the upgrade" },
    events.map((event) => told(event, facts)),
    toCome(events, request, upgrade).map(ghost),
  );
}

const lastOf = (events) => Object.fromEntries(events.map(({ type, sequence }) => [type, sequence]));

function told(event, facts) {
  const { type, sequence, timestamp } = event;
  const tone = TROUBLE.has(type) ? "trouble" : ENDS.has(type) ? "end" : "done";
  return h(
    "li",
    { key: `event ${sequence}`, class: `step step-${tone}`, "data-sequence": sequence, "data-type": type, "data-timestamp": timestamp },
    h("p", { class: "when" }, h("time", { datetime: timestamp }, clock(timestamp)), since(timestamp, facts.begin)),
    h("div", { class: "what" }, h("h3", null, TITLES[type] ?? type), h("p", null, sentence(event)), details(event, facts)),
  );
}

function since(timestamp, begin) {
  const ms = new Date(timestamp) - new Date(begin);
  return ms > 0 && h("span", { class: "since" }, `+${duration(ms)}`);
}

function sentence({ message, data }) {
  const known = data?.code && explained(data.code);
  return known ? known.join(" ") : message;
}

function details(event, { upgrade, state, lastOf }) {
  const { request } = upgrade;
  const isLast = lastOf[event.type] === event.sequence;
  switch (event.type) {
    case "burn_pending":
      return isLast && signature("Burn", request?.burnTransactionHash, upgrade.commitments.burn, state);
    case "burn_confirmed":
    case "burn_rejected":
    case "under_review":
      return proofDetails(event, upgrade);
    case "mint_started":
    case "retry_started":
      return isLatest(event, upgrade) && signature("Mint", request?.mintTransactionHash, upgrade.commitments.mint, state);
    case "upgrade_completed":
      return signature("Mint", event.data?.mintTransactionHash ?? request?.mintTransactionHash, "finalized", state);
    default:
      return null;
  }
}

const isLatest = (event, { events }) => events.at(-1).sequence === event.sequence;

function signature(name, id, commitment, state) {
  if (!id) return null;
  return h(
    "p",
    { class: "signature" },
    `${name} signature `,
    reference("tx", id, `${name.toLowerCase()} signature`),
    commitment && h("span", { class: `commitment commitment-${commitment}` }, commitment),
    !commitment && state.local && h("span", { class: "commitment" }, "not seen yet"),
  );
}

/** The steps after the last one that was reached. None once it has ended. */
function toCome(events, request, upgrade) {
  if (events.some(({ type }) => ENDS.has(type)) && !["burn_confirmed", "mint_pending", "failed_retryable"].includes(request?.status)) return [];
  const reached = REACHED[request?.status] ?? 0;
  return TO_COME.slice(reached).map((step, index) => ({ step, isNext: index === 0 && isMoving(request, upgrade) }));
}

const REACHED = { initiated: 0, burn_pending: 1, under_review: 1, burn_confirmed: 2, mint_pending: 3, failed_retryable: 2 };

const isMoving = (request, { step }) => (request && !["initiated", "under_review"].includes(request.status)) || ["confirming", "handing in"].includes(step);

function ghost({ step: [type, title, text], isNext }) {
  return h(
    "li",
    { key: `to come ${type}`, class: isNext ? "step step-now" : "step step-to-come" },
    h("p", { class: "when" }, isNext ? "now" : h("span", { class: "visually-hidden" }, "to come")),
    h("div", { class: "what" }, h("h3", null, title), h("p", null, text)),
  );
}
