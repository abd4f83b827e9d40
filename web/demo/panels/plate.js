// The NFT: its picture, and what the chain says of it.

import { picture } from "../art.js";
import { h } from "../dom.js";
import { explorer, levelName, reference, roman } from "../format.js";

/** `isSmall`: beside another one that matters more. */
export function plate({ mint, level, name, owner, art = "whole", caption, isSmall = false }, state) {
  const isThere = art === "whole" || art === "ash";
  return h(
    "figure",
    { class: isSmall ? "plate plate-small" : "plate", key: `plate ${mint} ${art}` },
    picture(mint, level, art),
    h(
      "figcaption",
      null,
      h("p", { class: "eyebrow" }, caption ?? `Level ${roman(level)}`),
      h("h2", null, name ?? levelName(level)),
      isSmall && reference("address", mint, "mint address"),
    ),
    isThere && !isSmall && facts(mint, level, owner, state),
  );
}

function facts(mint, level, owner, state) {
  const seen = state.facts[mint];
  return h(
    "dl",
    { class: "facts" },
    fact("Mint", reference("address", mint, "mint address")),
    fact("Level", String(level), seen?.level && (seen.level === String(level) ? "as on chain" : `the chain says ${seen.level}`)),
    fact("Owner", reference("address", seen ? seen.holder : owner, "owner's address") ?? "nobody: it is burned"),
    seen ? chainFacts(seen) : unseen(mint, seen === undefined),
  );
}

function chainFacts(seen) {
  return [
    fact("Supply", seen.supply, seen.supply === "0" ? "burned" : "the only one"),
    fact("Mint authority", authority(seen.mintAuthority), seen.mintAuthority ? null : "no more can be made"),
    fact("Update authority", authority(seen.updateAuthority), seen.updateAuthority ? null : "cannot be changed"),
    fact("Freeze authority", authority(seen.freezeAuthority), seen.freezeAuthority ? null : "cannot be frozen"),
    seen.collection && fact("Collection", reference("address", seen.collection, "collection's address")),
  ];
}

const authority = (address) => (address ? reference("address", address, "authority's address") : "none");

function unseen(mint, isAsked) {
  const url = explorer("address", mint);
  return fact("On chain", url ? h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, "see it in the explorer") : isAsked ? "Solana is being asked …" : "Solana does not answer");
}

function fact(name, value, remark) {
  return h("div", null, h("dt", null, name), h("dd", null, value, remark && h("span", { class: "remark" }, remark)));
}
