// Where an NFT came from, back to the first of its line.

import { picture } from "../art.js";
import { h } from "../dom.js";
import { reference } from "../format.js";

export function lineagePanel({ lineage }) {
  if (!lineage || lineage.lineage.length < 2) return null;
  return h(
    "section",
    { key: "lineage", class: "panel panel-wide", "aria-labelledby": "lineage-title" },
    h("h2", { id: "lineage-title" }, "Lineage"),
    h("p", { class: "quiet" }, "Each address derives from the one that was burned for it; anybody can recompute it."),
    h("ol", { class: "lineage" }, [...lineage.lineage].reverse().map(ancestor)),
  );
}

function ancestor({ nftId, level, name, status, mintTransactionHash, burnTransactionHash }) {
  return h(
    "li",
    { key: nftId },
    picture(nftId, level, status === "burned" ? "ash" : "whole"),
    h("div", null, h("h3", null, name), h("p", { class: "small" }, `Level ${level}, ${status}`), reference("address", nftId, `address of the level-${level} NFT`)),
    mintTransactionHash && h("p", { class: "small" }, "minted ", reference("tx", mintTransactionHash, "mint signature")),
    burnTransactionHash && h("p", { class: "small" }, "burned ", reference("tx", burnTransactionHash, "burn signature")),
  );
}
