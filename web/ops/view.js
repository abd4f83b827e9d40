// What is on the page. Elements are kept and changed in place: whoever reads, has a case open or the
// focus somewhere, keeps it while figures change.

import { duration } from "../duration.js"; // the page's, served at the root
import { ACTS, STATUSES, clock, short, sol } from "./words.js";

export const at = (id) => document.getElementById(id);

export function make(name, options = {}, ...children) {
  const { data, ...properties } = options;
  const element = Object.assign(document.createElement(name), properties);
  Object.assign(element.dataset, data);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function show(element, isShown) {
  element.hidden = !isShown;
}

/** Only a change touches the document: screen readers announce nothing that stayed as it was. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function tell(id, text) {
  write(at(id), text ?? "");
  show(at(id), Boolean(text));
}

// --- figures ------------------------------------------------------------------------------------

/** Name, value, what it means, and whether it asks for somebody. */
export function figures({ people, wallet, events, relayStreams, activeRequests }) {
  const rows = [
    ["Waiting after their burn", people.waiting, people.waiting ? `the oldest for ${duration(1000 * people.oldestSeconds)}` : "nobody", people.stuck > 0],
    ["Stuck", people.stuck, "for more than 10 minutes", people.stuck > 0],
    ["Under review", people.underReview, "wait for your decision", people.underReview > 0],
    ["Open requests", activeRequests, "in any status", false],
    ["System wallet", wallet.lamports === null ? "unknown" : sol(wallet.lamports), wallet.address ? short(wallet.address) : "its key does not answer", wallet.lamports === null],
    ["Events not in Kafka", events.unpublished, events.unpublished ? `the oldest for ${duration(1000 * events.oldestSeconds)}` : "all are there", events.oldestSeconds > 60],
    ...Object.entries(events.recordsBehind).map(([group, records]) => [
      group, records ?? "unknown", "records behind", records === null || records > 100,
    ]),
    ["Live streams", relayStreams ?? "unknown", "open at the relays", relayStreams === null],
  ];
  const list = at("figures");
  rows.forEach(([name, value, note, isBad], place) => {
    const card = list.children[place] ?? list.appendChild(make("div", {}, make("dt"), make("dd"), make("dd")));
    card.classList.toggle("bad", isBad);
    [name, String(value), note].forEach((text, part) => write(card.children[part], text));
  });
  while (list.children.length > rows.length) list.lastElementChild.remove();
}

export function minting({ isPaused, reason }) {
  at("minting").classList.toggle("bad", isPaused);
  write(at("minting-state"), isPaused ? `Paused: ${reason}` : "On: new upgrades are taken.");
  write(at("minting-switch"), isPaused ? "Resume minting" : "Pause minting");
}

// --- cases --------------------------------------------------------------------------------------

export function cases(list, { onOpen, onAct }) {
  const place = at("requests");
  const known = new Map([...place.children].map((each) => [each.dataset.id, each]));
  list.forEach((request, index) => {
    const element = known.get(request.id) ?? newCase(request, { onOpen, onAct });
    known.delete(request.id);
    update(element, request);
    if (place.children[index] !== element) place.insertBefore(element, place.children[index] ?? null);
  });
  for (const gone of known.values()) gone.remove();
  show(at("requests-none"), list.length === 0);
}

function newCase({ id }, { onOpen, onAct }) {
  const button = (kind, text) =>
    make("button", { type: "button", textContent: text, data: { act: kind }, onclick: () => onAct(kind, id) });
  const body = make("div", { className: "evidence", textContent: "Loading …" });
  const details = make("details", {}, make("summary", { textContent: "History and evidence" }), body);
  details.addEventListener("toggle", () => details.open && onOpen(id, body));
  return make(
    "article",
    { className: "case", data: { id } },
    make("div", { className: "case-head" },
      make("h3", {}, make("span", { className: "status" }), make("span", { className: "waits" })),
      make("p", { className: "who" }),
      make("p", { className: "why" })),
    make("div", { className: "actions" }, button("retry", "Retry"), button("accept", "Accept"), button("refuse", "Refuse")),
    details,
  );
}

function update(element, request) {
  const part = (name) => element.querySelector(name);
  element.classList.toggle("bad", request.isStuck || request.canDecide);
  element.setAttribute("aria-label", `${STATUSES[request.status]}, upgrade ${request.id}`);
  write(part(".status"), STATUSES[request.status] ?? request.status);
  write(part(".waits"), `waits ${duration(1000 * request.waitedSeconds)}${request.isStuck ? ", stuck" : ""}`);
  write(part(".who"), `Wallet ${short(request.userId)} · level ${request.currentLevel} to ${request.targetLevel} · ${request.id}`);
  write(part(".why"), request.errorMessage ? `${request.errorMessage} (${request.errorCode}, retried ${request.retryCount}×)` : "");
  show(part(".why"), Boolean(request.errorMessage));
  show(part("[data-act=retry]"), request.canRetry);
  show(part("[data-act=accept]"), request.canDecide);
  show(part("[data-act=refuse]"), request.canDecide);
}

// --- evidence -----------------------------------------------------------------------------------

export function evidence(place, { request, history, attempts, burnProof }, onLook) {
  const parts = [
    facts([
      ["NFT burned", request.currentNftId],
      ["Its successor's address", request.successor],
      ["Wallet", request.userId],
      ["Burn transaction", request.burnTransactionHash ?? "not named yet"],
    ]),
    make("h4", { textContent: "History" }),
    make("ol", { className: "history" }, ...history.map(step)),
    ...(attempts.length ? [make("h4", { textContent: "Mint attempts" }), make("ol", { className: "history" }, ...attempts.map(attempt))] : []),
    make("h4", { textContent: "Checks of the burn" }),
    burnProof ? proof(burnProof) : make("p", { className: "quiet", textContent: "No burn was looked at yet." }),
  ];
  const again = { type: "button", className: "plain", textContent: "Ask Solana again", onclick: onLook };
  if (request.canDecide) parts.push(make("button", again));
  place.replaceChildren(...parts);
}

const facts = (rows) =>
  make("dl", { className: "facts" }, ...rows.flatMap(([name, value]) => [
    make("dt", { textContent: name }), make("dd", {}, make("code", { textContent: value })),
  ]));

const step = ({ message, at: moment, review }) =>
  make("li", {}, make("time", { dateTime: moment, textContent: clock(moment) }), ` ${message}`,
    review ? make("p", { className: "quiet", textContent: `By ${review.operator}: ${review.reason}` }) : null);

const attempt = ({ number, at: moment, isSigned, lastValidBlockHeight }) =>
  make("li", {}, make("time", { dateTime: moment, textContent: clock(moment) }),
    ` Attempt ${number}, ${isSigned ? "signed" : "not signed"}, lives up to block ${lastValidBlockHeight}`);

export function proof({ verdict, checks }) {
  const row = ({ rule, title, outcome, reason, evidence: shown }) =>
    make("tr", { className: outcome === "pass" ? "" : "bad" },
      make("td", { textContent: rule }), make("td", { textContent: outcome }),
      make("td", {}, make("strong", { textContent: title }), ` ${reason}`,
        outcome === "pass" ? null : make("pre", { tabIndex: 0, textContent: JSON.stringify(shown, null, 1) })));
  return make("div", { className: "proof" },
    make("p", {}, "Verdict: ", make("strong", { textContent: verdict.replace("_", " ") })),
    make("table", {},
      make("thead", {}, make("tr", {}, ...["Rule", "Outcome", "Why"].map((text) => make("th", { scope: "col", textContent: text })))),
      make("tbody", {}, ...checks.map(row))));
}

// --- journal ------------------------------------------------------------------------------------

export function journal(entries, isSound) {
  show(at("journal-broken"), !isSound);
  show(at("journal-none"), entries.length === 0);
  const place = at("journal");
  const wanted = entries.map(({ number }) => String(number)).join();
  if (place.dataset.numbers === wanted) return;
  place.dataset.numbers = wanted;
  place.replaceChildren(...entries.map(entry));
}

const entry = ({ number, act, operator, reason, at: moment, upgradeRequestId }) =>
  make("li", { value: number },
    make("time", { dateTime: moment, textContent: clock(moment) }),
    make("span", {}, make("code", { textContent: short(operator), title: operator }), ` asked to ${ACTS[act]} `,
      upgradeRequestId ? make("code", { textContent: upgradeRequestId }) : null),
    make("q", { textContent: reason }));
