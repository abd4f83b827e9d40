// What a completed upgrade leaves in one's hands.

import { client } from "../api.js";
import { h } from "../dom.js";
import { reference } from "../format.js";
import { busy } from "../session.js";

/** `next`: the button that leads on. */
export function outcome(request, next, state) {
  return h(
    "div",
    { key: "outcome", class: "outcome" },
    h(
      "dl",
      { class: "facts facts-wide" },
      h("div", null, h("dt", null, "New NFT"), h("dd", null, reference("address", request.newNftId, "new NFT's address"))),
      h("div", null, h("dt", null, "Burned for it"), h("dd", null, reference("address", request.currentNftId, "burned NFT's address"))),
    ),
    h("div", { class: "row" }, next, h("button", { class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("receipt", () => download(request.id)) }, "Download the signed receipt")),
    h("p", { class: "quiet" }, "The receipt can be verified without us: docs/verify_receipt.py needs our public key alone."),
  );
}

async function download(id) {
  const receipt = await client.upgrades.receipt(id);
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(receipt, null, 2)}\n`], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: `receipt-${id}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
