/** One customer: what there is to do, the record, and everything that happened. */

import { card, el, put, tag } from "./dom";
import { called, type Doing, type Screen } from "./listing";
import type { State } from "./state";
import type { Customer, Entry, FieldKind } from "./types";

/** What happened, by whatever way it came here. */
interface Happening {
  at: string;
  title: string;
  who: string;
  lines: [string, string][];
  own?: boolean;
}

/** The page of a customer. */
export function customerPage(state: State, doing: Doing, id: string): Screen {
  const found = state.customers.get(id);
  const heading = found ? called(state, found) : state.words.say("gone_heading");
  const draw = (into: HTMLElement) => {
    const customer = state.customers.get(id);
    if (customer) put(into, ...content(state, doing, customer));
    else put(into, el("p", { class: "alert alert-info", role: "alert" }, state.words.say("gone")));
  };
  return { heading, draw };
}

function content(state: State, doing: Doing, customer: Customer): HTMLElement[] {
  const { words } = state;
  const at = `#/customers/${customer.customer}`;
  const actions = el(
    "nav",
    { class: "d-flex gap-2 mb-3", "aria-label": words.say("actions") },
    el("a", { id: "do-note", class: "btn btn-primary flex-fill", href: `${at}/note` }, words.say("note")),
    el("a", { id: "do-order", class: "btn btn-primary flex-fill", href: `${at}/order` }, words.say("order")),
  );
  return [actions, facts(state, customer), record(state, customer), timeline(state, doing, customer)];
}

function facts(state: State, customer: Customer): HTMLElement {
  const { words } = state;
  const worth = customer.value && words.money(customer.value.amount, customer.value.currency);
  return el(
    "p",
    { class: "d-flex flex-wrap gap-2" },
    worth && tag(words.say("worth", { worth }), "green"),
    ...customer.segments.map((one) => tag(one.segment, "blue")),
    customer.territory && tag(customer.territory),
    customer.mates.length > 0 && tag(words.count("mates", customer.mates.length)),
  );
}

function record(state: State, customer: Customer): HTMLElement {
  const { words, shell } = state;
  const rows = shell.fields.map((kind) => field(state, customer, kind)).filter((one) => one !== null);
  const others = Object.keys(customer.fields)
    .filter((name) => shell.fields.every((kind) => kind.name !== name))
    .map((name) => field(state, customer, { name, label: name, kind: "text", many: false, choices: [] }));
  const empty = shell.fields.filter((kind) => !kind.retired && !shows(customer, kind));
  const add = el(
    "p",
    { class: "mb-0" },
    ...empty.map((kind) =>
      el("a", { id: `edit-${kind.name}`, class: "btn btn-sm me-1 mb-1", href: editing(customer, kind) }, kind.label),
    ),
  );
  const more = el("details", { id: "more" }, el("summary", {}, words.say("add_field")), add);
  return card(words.say("record"), el("dl", { class: "handheld-facts" }, ...rows, ...others), empty.length > 0 && more);
}

function shows(customer: Customer, kind: FieldKind): boolean {
  return Boolean(customer.fields[kind.name]?.value?.length) || isMasked(customer, kind.name);
}

function isMasked(customer: Customer, name: string): boolean {
  return (customer.masked ?? []).includes(name);
}

function editing(customer: Customer, kind: FieldKind): string {
  return `#/customers/${customer.customer}/edit/${encodeURIComponent(kind.name)}`;
}

function field(state: State, customer: Customer, kind: FieldKind): HTMLElement | null {
  const { words } = state;
  if (!shows(customer, kind)) return null;
  const hidden = isMasked(customer, kind.name);
  const known = customer.fields[kind.name];
  const value = hidden ? el("span", { title: words.say("hidden") }, "•••") : words.value(kind, known?.value ?? "");
  const link = { id: `edit-${kind.name}`, href: editing(customer, kind), class: "btn btn-sm" };
  return el(
    "div",
    {},
    el("dt", {}, kind.label),
    el("dd", {}, value, known?.open?.length ? el("div", {}, tag(words.say("disputed"), "orange")) : null),
    hidden || kind.retired
      ? null
      : el(
          "dd",
          {},
          el("a", { ...link, "aria-label": words.say("edit_of", { field: kind.label }) }, words.say("edit")),
        ),
  );
}

function timeline(state: State, doing: Doing, customer: Customer): HTMLElement {
  const { words } = state;
  const taken = state.timelines.get(customer.customer);
  const happenings = [
    ...own(state, customer, taken?.at ?? ""),
    ...(taken?.entries ?? []).map((one) => entry(state, one)),
  ];
  const button = el(
    "button",
    { id: "whole", class: "btn w-100 mt-2", onclick: () => void doing.timeline(customer.customer) },
    words.say(taken ? "timeline_again" : "timeline_whole"),
  );
  return card(
    words.say("timeline"),
    el(
      "p",
      { class: "text-secondary" },
      taken ? words.say("timeline_at", { at: words.instant(taken.at) }) : words.say("timeline_own"),
    ),
    happenings.length === 0 && el("p", {}, words.say("nothing")),
    el("ol", { class: "list-unstyled handheld-timeline" }, ...happenings.map((one) => item(state, one))),
    el("p", { id: "timeline-said", role: "status", class: "mb-0" }),
    button,
  );
}

/** Notes and orders that are on the device; with the whole timeline here, those that it hasn't yet. */
function own(state: State, customer: Customer, since: string): Happening[] {
  const { words } = state;
  const notes: Happening[] = customer.notes.map((note) => ({
    ...{ at: note.at, title: words.say("note"), who: note.author, own: note.own ?? false },
    lines: [["", note.text ?? words.say("hidden")]],
  }));
  const orders: Happening[] = customer.orders.map((order) => ({
    ...{ at: order.at ?? "", title: words.say("order"), who: "", own: order.own ?? false },
    lines: words
      .linesOf({ ...order, order: "", total: order.total ?? totalOf(order.lines), state: "" })
      .concat([["", words.code("state", order.state)]]),
  }));
  const all = [...notes, ...orders].filter((one) => one.own || Date.parse(one.at) > (since ? Date.parse(since) : 0));
  return all.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

function totalOf(lines: { quantity: number; unit_price: number }[] = []): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
}

function entry(state: State, one: Entry): Happening {
  const lines = one.data ? state.words.linesOf(one.data) : [];
  if (one.erased) lines.push(["", state.words.say("erased")]);
  return { at: one.occurred, title: one.title, who: one.author, lines };
}

function item(state: State, one: Happening): HTMLElement {
  const { words } = state;
  const lines = one.lines.map(([label, value]) =>
    el("div", {}, label && el("span", { class: "text-secondary" }, `${label} `), value),
  );
  return el(
    "li",
    { class: "mb-3" },
    el("strong", {}, one.title),
    " ",
    one.own && tag(words.say("own"), "yellow"),
    el("div", { class: "text-secondary" }, [one.at && words.instant(one.at), one.who].filter(Boolean).join(" · ")),
    ...lines,
  );
}
