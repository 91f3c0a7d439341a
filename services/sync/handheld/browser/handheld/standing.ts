/** How things stand: what waits, what was refused and why, which device this is, and how it is removed. */

import { called, type Doing, type Screen } from "./listing";
import { card, el, put, tag } from "./dom";
import type { State } from "./state";
import type { Written } from "./store";

const COLOURS: Record<string, string> = { refused: "red", quarantined: "orange", pending: "green" };

/** The page of the device's state. */
export function standing(state: State, doing: Doing): Screen {
  const { words } = state;
  const draw = (into: HTMLElement) => {
    const { me } = state;
    const button = el(
      "button",
      { id: "synchronize", class: "btn btn-primary w-100", onclick: () => void doing.synchronize() },
      words.say("synchronize"),
    );
    const renew = el(
      "button",
      { id: "renew", class: "btn btn-primary w-100 mt-2", onclick: () => void doing.renew() },
      words.say("renew"),
    );
    const mustRenew = me.turn === null || me.barred !== "" || state.phase === "sign_in";
    const facts: [string, string][] = [
      [words.say("name"), me.name],
      [words.say("rep"), me.rep],
      [words.say("territories"), state.scopes.join(", ")],
      [words.say("customers"), `${state.customers.size}`],
    ];
    const list = facts.map(([label, value]) => el("div", {}, el("dt", {}, label), el("dd", {}, value || "–")));
    put(
      into,
      card(words.say("server"), el("p", {}, state.line), trouble(state), button, mustRenew && renew),
      card(words.say("outbox"), outbox(state, doing)),
      card(words.say("this_device"), el("dl", { class: "handheld-facts" }, ...list), removal(state, doing)),
    );
  };
  return { heading: words.say("state"), draw };
}

function trouble(state: State): HTMLElement | false {
  const { words, me } = state;
  const isQuiet = state.phase === "idle" || state.phase === "working";
  const parts = [
    me.barred ? `${words.say("barred")} ${me.barred}.` : "",
    isQuiet || (me.barred && state.phase !== "away") ? "" : words.say(state.phase),
    state.detail === me.barred ? "" : state.detail,
  ].filter(Boolean);
  return parts.length > 0 && el("p", { class: "alert alert-warning", role: "status" }, parts.join(" "));
}

function outbox(state: State, doing: Doing): HTMLElement {
  const { words, written } = state;
  if (written.length === 0) return el("p", { class: "mb-0" }, words.say("outbox_empty"));
  const rows = [...written].reverse().map((one) => row(state, doing, one));
  return el("ol", { class: "list-unstyled mb-0" }, ...rows);
}

function row(state: State, doing: Doing, one: Written): HTMLElement {
  const { words } = state;
  const content = "kind" in one.content ? one.content : null;
  const customer = content && state.customers.get(content.customer);
  const heading = [content ? words.say(content.kind) : "", customer ? called(state, customer) : ""].filter(Boolean);
  const reason = [one.reason && words.code("reason", one.reason), one.detail].filter(Boolean).join(": ");
  const seen = { id: `seen-${one.number}`, class: "btn btn-sm", onclick: () => void doing.dismiss(one.number) };
  return el(
    "li",
    { class: "mb-3" },
    el("strong", {}, heading.join(" · ") || `${one.number}`),
    " ",
    tag(words.code("outcome", one.state || "waiting"), COLOURS[one.state] ?? "yellow"),
    content && el("div", { class: "text-secondary" }, words.instant(content.made)),
    content && el("div", {}, summary(state, one)),
    reason !== "" && el("div", {}, reason),
    one.state === "refused" && el("button", seen, words.say("understood")),
  );
}

function summary(state: State, { content }: Written): string {
  if (!("kind" in content)) return "";
  const { words, shell } = state;
  if (content.kind === "note") return content.text;
  if (content.kind === "order") {
    const total = content.lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
    return `${content.lines.map((line) => `${line.quantity} × ${line.product}`).join(", ")} · ${words.money(total, content.currency)}`;
  }
  const label = (name: string) => shell.fields.find((kind) => kind.name === name)?.label ?? name;
  return content.claims.map((claim) => `${label(claim.field)}: ${claim.value}`).join(", ");
}

function removal(state: State, doing: Doing): HTMLElement {
  const { words } = state;
  const count = state.waiting;
  const dialog = el(
    "dialog",
    { "aria-labelledby": "remove-heading" },
    el("h2", { id: "remove-heading", class: "card-title" }, words.say("remove_heading")),
    el("p", {}, words.say("remove_what")),
    count > 0 && el("p", { class: "text-danger" }, words.count("remove_lost", count)),
    el(
      "button",
      { id: "remove-yes", class: "btn btn-danger w-100 mb-2", onclick: () => void doing.remove() },
      words.say("remove"),
    ),
    el("button", { class: "btn w-100", onclick: () => dialog.close() }, words.say("cancel")),
  );
  const open = el("button", { id: "remove", class: "btn", onclick: () => dialog.showModal() }, words.say("remove"));
  return el("div", {}, open, dialog);
}
