// Why a burn was believed or not: every check, with what it says.

import { h } from "../dom.js";
import { reference } from "../format.js";
import { busy } from "../session.js";
import { askProof } from "../certainty.js";

const SPOKEN = { pass: "holds", fail: "fails", pending: "not known yet", review: "for people to judge" };
const SIGNS = { pass: "✓", fail: "✕", pending: "…", review: "?" };

export function proofDetails(event, upgrade) {
  const proof = event.data?.proof ?? (event.type === "burn_rejected" ? null : upgrade.proof);
  if (!proof) {
    return h("button", { class: "link", type: "button", onclick: () => busy("proof", () => askProof(upgrade.id)) }, "Show the checks");
  }
  const holding = proof.checks.filter(({ outcome }) => outcome === "pass").length;
  return h(
    "details",
    { class: "proof", key: "proof" },
    h("summary", null, `${holding} of ${proof.checks.length} checks hold`),
    h("p", { class: "signature" }, "Burn signature ", reference("tx", proof.signature, "burn signature"), proof.commitment && h("span", { class: `commitment commitment-${proof.commitment}` }, proof.commitment)),
    h("ul", { class: "checks" }, [...proof.checks].sort(byRule).map(check)),
  );
}

/** V2 before V10. */
const byRule = (one, other) => one.rule.slice(1) - other.rule.slice(1);

function check({ rule, title, outcome, reason }) {
  return h(
    "li",
    { key: rule, class: `proof-check proof-${outcome}` },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[outcome]),
    h("span", null, h("strong", null, `${rule} `), title, h("span", { class: "visually-hidden" }, `: ${SPOKEN[outcome]}`), h("span", { class: "reason" }, reason)),
  );
}
