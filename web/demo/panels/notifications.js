// Whether to be told of a completed upgrade when this page is closed; on this machine also the mail.

import { into } from "../account.js";
import { client } from "../api.js";
import { h } from "../dom.js";
import { mailbox } from "../local.js";
import { busy } from "../session.js";
import { set } from "../store.js";

export function notificationsPanel(state) {
  const { preferences } = state;
  if (!preferences) return null;
  return h(
    "section",
    { key: "notifications", class: "panel", "aria-labelledby": "notifications-title" },
    h("h2", { id: "notifications-title" }, "When this page is closed"),
    h("p", { class: "quiet" }, "A completed upgrade is told by mail, unless you are watching."),
    address(preferences.email, state),
    (preferences.email.address || preferences.email.pendingAddress) && switches(preferences, state),
  );
}

function address(email, state) {
  return h(
    "form",
    { onsubmit: (event) => submit(event) },
    email.address && h("p", null, "Mail goes to ", h("strong", null, email.address), email.suppressed && ", but the last one came back. Enter another address", "."),
    email.pendingAddress && h("p", null, "Waiting for ", h("strong", null, email.pendingAddress), " to be confirmed: follow the link in the mail."),
    h("label", { for: "mail-address" }, email.address ? "Another address" : "Mail address"),
    h("div", { class: "row" }, h("input", { id: "mail-address", name: "address", type: "email", required: true, autocomplete: "email", maxlength: 254 }), h("button", { class: "button button-plain", disabled: Boolean(state.busy) }, "Send the confirmation")),
  );
}

function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  void busy("mail", async () => {
    set({ preferences: await client.preferences.setEmail(new FormData(form).get("address").trim()) });
    form.reset();
    await into("mailbox", mailbox);
  });
}

function switches({ email, push }, state) {
  const change = ({ currentTarget }) =>
    busy("mail", async () => set({ preferences: await client.preferences.set({ emailEnabled: currentTarget.checked, pushEnabled: push.enabled }) }));
  return h(
    "div",
    { class: "row" },
    h("label", { class: "check" }, h("input", { type: "checkbox", checked: email.enabled, disabled: Boolean(state.busy), onchange: change }), h("span", null, "Send mail")),
    h("button", { class: "link", type: "button", disabled: Boolean(state.busy), onclick: () => busy("mail", async () => set({ preferences: await client.preferences.forget() })) }, "Forget my address"),
  );
}

/** What the local stack has sent, to this wallet's addresses. */
export function mailboxPanel(state) {
  const own = [state.preferences?.email.address, state.preferences?.email.pendingAddress].filter(Boolean);
  if (!state.local || own.length === 0) return null;
  const mails = state.mailbox.filter(({ kind, to }) => kind === "email" && own.includes(to));
  return h(
    "section",
    { key: "mailbox", class: "panel", "aria-labelledby": "mailbox-title" },
    h("h2", { id: "mailbox-title" }, "Mailbox of this machine"),
    h("button", { class: "link", type: "button", onclick: () => busy("mailbox", look) }, "Look again"),
    mails.length === 0 ? h("p", { class: "quiet" }, "No mail yet.") : h("ul", { class: "list mails" }, mails.map(mail)),
  );
}

async function look() {
  await Promise.all([into("mailbox", mailbox), into("preferences", () => client.preferences.get())]);
}

const mail = ({ subject, text }, index) =>
  h("li", { key: `${index} ${subject}` }, h("details", null, h("summary", null, subject), h("p", { class: "mail" }, text.split(/(https?:\/\/\S+)/).map(linked))));

const linked = (part, index) => (index % 2 ? h("a", { href: part, target: "_blank", rel: "noreferrer noopener" }, part) : part);
