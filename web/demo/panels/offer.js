// The NFT at rest: what it could become, what stands in the way, and an honest word before the burn.

import { load } from "../account.js";
import { picture } from "../art.js";
import { h } from "../dom.js";
import { levelName, TOP_LEVEL } from "../format.js";
import { busy, connected } from "../session.js";
import { set, state } from "../store.js";
import { focusOn } from "../tell.js";
import { start } from "../upgrade.js";
import { explained } from "../words.js";

export function offerPanel(nft, state) {
  if (nft.level >= TOP_LEVEL) return summit(nft);
  const target = nft.level + 1;
  const { eligibility } = state;
  return h(
    "section",
    { key: "offer", class: "sheet", "aria-labelledby": "offer-title" },
    h("p", { class: "eyebrow" }, "The next level"),
    h("h1", { id: "offer-title", tabindex: -1 }, levelName(target)),
    h("div", { class: "passage" }, picture(nft.nftId, nft.level), h("span", { class: "arrow", "aria-hidden": "true" }, "→"), picture(nft.nftId, target, "outline")),
    requirements(eligibility),
    eligibility?.canUpgrade ? warning(nft, target, state) : blockers(eligibility),
  );
}

function summit(nft) {
  return h(
    "section",
    { key: "summit", class: "sheet" },
    h("p", { class: "eyebrow" }, "The highest level"),
    h("h1", null, "There is nothing above ", levelName(nft.level), "."),
    h("p", null, "Every step that led here is on Solana; its line is below."),
  );
}

function requirements(eligibility) {
  if (!eligibility) return h("p", { class: "quiet", role: "status" }, "Asking Solana whether this NFT can be upgraded …");
  const { tradingVolumeUsdt, badges, enforced } = eligibility.requirements;
  const asks = [tradingVolumeUsdt > 0 && `${Number(tradingVolumeUsdt).toLocaleString()} USDT traded`, badges > 0 && `${badges} badges`].filter(Boolean);
  if (!enforced || asks.length === 0) return null;
  return h("p", { class: "quiet" }, `This level asks for ${asks.join(" and ")}.`);
}

function blockers(eligibility) {
  if (!eligibility) return null;
  return h(
    "div",
    { class: "word word-problem" },
    h("h2", null, "Not now"),
    h(
      "ul",
      null,
      eligibility.blockers.map(({ code, message }) => {
        const [title, text] = explained(code) ?? [message, ""];
        return h("li", { key: code }, h("strong", null, title), " ", text);
      }),
    ),
    h("p", { class: "quiet" }, "Nothing is burned. Your NFT stays as it is."),
    h("button", { class: "button button-plain", type: "button", onclick: () => busy("look", load) }, "Ask again"),
  );
}

const WAYS = {
  two_step: "Your wallet signs one transaction that burns this NFT. We prove the burn on Solana, check by check, and mint the next level to the same wallet. It takes about half a minute on the public network.",
  atomic: "Your wallet signs one transaction that burns this NFT and mints the next level, and does not send it: we sign last and send it. Both happen or neither does, so there is no moment at which you hold nothing.",
};

const MODES = [
  ["two_step", "In two steps", "Burn, proof, mint. Works with every wallet."],
  ["atomic", "In one transaction", "Burn and mint together, or neither."],
];

const promises = (mode) => [
  ["What happens", WAYS[mode]],
  ["If something fails", mode === "atomic" ? "The transaction fails as a whole: your NFT stays as it is, and the upgrade stays open for another try." : "Before the burn: nothing happens to your NFT. After it: the next level is owed to you. The mint is repeated until it succeeds, also when this page is closed, and Solana itself allows exactly one successor."],
  ["What it costs", "The fee of one Solana signature. The rent of the burned account comes back to you."],
];

function warning(nft, target, state) {
  return h(
    "div",
    { class: "warning" },
    h("p", { class: "irreversible" }, h("strong", null, "Burning cannot be undone."), " Not by you, and not by us. This very NFT, with its address and its history of owners, ceases to exist; its successor is a new one."),
    state.signsAlone && modes(state),
    h("dl", { class: "promises" }, promises(state.mode).map(([term, text]) => h("div", { key: term }, h("dt", null, term), h("dd", null, text)))),
    h(
      "label",
      { class: "check" },
      h("input", { type: "checkbox", id: "understood", checked: state.understood, onchange: ({ currentTarget }) => set({ understood: currentTarget.checked }) }),
      h("span", null, `I understand that this ${nft.name} is destroyed for good, and that a ${levelName(target)} takes its place.`),
    ),
    h(
      "button",
      { class: "button button-ember", type: "button", id: "burn", disabled: !state.understood || Boolean(state.busy), "aria-describedby": "burn-hint", onclick: () => burn(nft, target) },
      `Burn and upgrade to level ${target}`,
    ),
    h("p", { class: "quiet", id: "burn-hint" }, state.understood ? "Your wallet asks once more. Until you confirm there, nothing is burned." : "The button works once the box is checked."),
  );
}

/** Only for wallets that sign without sending. */
function modes(state) {
  const choose = ({ currentTarget }) => set({ mode: currentTarget.value });
  const one = ([value, title, text]) =>
    h("label", { key: value, class: "check" }, h("input", { type: "radio", name: "mode", value, checked: state.mode === value, onchange: choose }), h("span", null, title, h("span", { class: "reason" }, text)));
  return h("fieldset", { class: "modes" }, h("legend", null, "How"), MODES.map(one));
}

const burn = (nft, target) =>
  busy("burn", async () => {
    if (!(await connected())) throw Object.assign(new Error("no wallet"), { code: "wallet_missing" });
    void start(nft, target, state.signsAlone ? state.mode : "two_step");
    focusOn("upgrade-title");
  });
