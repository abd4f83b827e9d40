// The upgrade that is shown: where it stands, what is to be done, its timeline.

import { h } from "../dom.js";
import { duration } from "../duration.js";
import { day, levelName } from "../format.js";
import { busy, connected } from "../session.js";
import { cancel, close, goOn, isActive, retry } from "../upgrade.js";
import { connectionLine } from "./connection.js";
import { outcome } from "./outcome.js";
import { timeline } from "./timeline.js";

export function upgradePanel(state) {
  const { upgrade } = state;
  const { request } = upgrade;
  const target = request?.targetLevel ?? (upgrade.nft?.level ?? 0) + 1;
  return h(
    "section",
    { key: "upgrade", class: "sheet", "aria-labelledby": "upgrade-title", "data-status": request?.status ?? "opening" },
    h("p", { class: "eyebrow" }, EYEBROWS[request?.status] ?? "Upgrade"),
    h("h1", { id: "upgrade-title", tabindex: -1 }, title(request, target)),
    h("p", { class: "lead" }, lead(upgrade)),
    request?.status === "completed" && outcome(request, leaving(request, state), state),
    controls(upgrade, state),
    request && isActive(request.status) && !["opening", "wallet"].includes(upgrade.step) && !isChainAway(upgrade.connection) && connectionLine(upgrade.connection, state),
    timeline(upgrade, state),
    closable(request, upgrade),
  );
}

const EYEBROWS = {
  initiated: "Open, nothing burned by us yet",
  burn_pending: "Burn under proof",
  burn_confirmed: "Burn proven",
  mint_pending: "Being minted",
  completed: "Completed",
  failed_retryable: "The mint is repeated",
  under_review: "People look at it",
  cancelled: "Cancelled",
  expired: "Expired",
  failed_permanent: "Ended",
};

function title(request, target) {
  if (request?.status === "completed") return `${levelName(target)} is yours.`;
  if (request && !isActive(request.status)) return "This upgrade has ended.";
  return `${levelName(target - 1)} becomes ${levelName(target)}`;
}

const LEADS = {
  initiated: "The upgrade is open. Nothing happens to your NFT until you burn it in your wallet.",
  burn_pending: "Your burn is on its way. It counts once Solana has made it final and every check below holds.",
  burn_confirmed: "Your burn is proven. The next level is owed to you now, and its mint is being prepared.",
  mint_pending: "The next level is being minted. It counts once Solana has made it final.",
  completed: "The burn and the mint are final on Solana.",
  failed_retryable: "The mint did not go through this time. Nothing is lost: it is repeated until it does, by itself.",
  under_review: "Your NFT is gone, but not in a way a machine may judge. People look at it; you need not do anything, and it is not refused by a machine.",
  cancelled: "Your NFT was not burned. Should a burn of it show up after all, the next level is minted.",
  expired: "Nobody burned the NFT in time, so nothing changed. You can open a new upgrade.",
  failed_permanent: "It ended before anything was burned. You can open a new upgrade.",
};

function lead({ step, request, isBurned, connection }) {
  if (isChainAway(connection)) return `Solana cannot be read at the moment. ${isBurned || request?.burnTransactionHash ? "Nothing is lost" : "Nothing has been burned"}. The next attempt is in ${duration(1000 * Math.ceil(connection.delayMs / 1000))}.`;
  if (step === "opening") return "Asking for everything that must hold before you burn: your NFT, the mint to come, our reserves …";
  if (step === "wallet") return "Your wallet is asking you now. Until you confirm there, nothing is burned.";
  if (step === "confirming") return "The burn is sent. Telling the server which transaction it was …";
  if (request?.status === "initiated" && isBurned) return "Your NFT is burned on Solana. The upgrade goes on by itself as soon as that is final; you need not do anything.";
  return LEADS[request?.status] ?? "Looking up where it stands …";
}

const isChainAway = ({ state, error }) => state === "waiting" && ["chain_unavailable", "providers_disagree"].includes(error?.code);

function controls(upgrade, state) {
  const { request, step, isBurned, connection } = upgrade;
  if (step === "opening" && isChainAway(connection)) return h("div", { key: "controls", class: "row" }, givingUp(state));
  if (!request || (step && step !== "looking")) return null;
  const buttons = [];
  if (request.status === "initiated" && !isBurned) buttons.push(again(request, state), cancelling(request, state));
  if (request.status === "failed_retryable") buttons.push(retrying(request, state));
  if (!isActive(request.status) && request.status !== "completed") buttons.push(leaving(request, state));
  const shown = buttons.filter(Boolean);
  return shown.length > 0 && h("div", { key: "controls", class: "row" }, shown, request.status === "initiated" && h("p", { class: "quiet" }, `Open until ${day(request.expiresAt)}.`));
}

const again = (request, state) =>
  h(
    "button",
    {
      key: "again",
      class: "button button-ember",
      type: "button",
      disabled: Boolean(state.busy),
      onclick: () =>
        busy("burn", async () => {
          if (!(await connected())) throw Object.assign(new Error("no wallet"), { code: "wallet_missing" });
          void goOn(request.id);
        }),
    },
    "Burn in my wallet",
  );

const cancelling = (request, state) =>
  h("button", { key: "cancel", class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("cancel", () => cancel(request.id)) }, state.busy === "cancel" ? "Cancelling …" : "Cancel, keep my NFT");

const givingUp = (state) =>
  h("button", { key: "give up", class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("leave", close) }, "Stop trying, keep my NFT");

const retrying = (request, state) =>
  h("button", { key: "retry", class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => busy("retry", () => retry(request.id)) }, "Try again now");

const leaving = (request, state) =>
  h("button", { key: "leave", class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => busy("leave", close) }, request.status === "completed" ? "Go on with the new NFT" : "Back to my NFT");

function closable(request, { step }) {
  if (!request || !isActive(request.status)) return null;
  const isBefore = request.status === "initiated" && step !== "confirming";
  return h(
    "p",
    { class: "aside" },
    isBefore
      ? "If you close this page now, nothing is burned and the upgrade expires by itself."
      : "You may close this page: the upgrade goes on without it. Come back, and it shows where it stands.",
  );
}
