/** Writing: a note, an order, another value of a field. Kept on the device at once; nothing waits for a network. */

import { elements } from "./customers";
import { el, labelled, put } from "./dom";
import { called, type Doing, type Screen } from "./listing";
import type { State } from "./state";
import type { Claim, Content, FieldKind, Line } from "./types";
import { uuid7 } from "./digest";

/** What a form gives when it is sent: what to write, or what is wrong with it. */
type Given = ((id: string) => Content) | string | null;

function form(state: State, doing: Doing, customer: string, parts: HTMLElement[], given: () => Given): HTMLElement {
  const { words } = state;
  const wrong = el("p", { class: "text-danger", role: "alert", id: "wrong" });
  let busy = false;
  const submit = async (event: Event) => {
    event.preventDefault();
    const content = given();
    if (typeof content === "string") {
      wrong.textContent = content;
      return;
    }
    if (busy) return;
    busy = true; // a second tap isn't a second order
    try {
      if (content) await doing.write(customer, content);
      doing.go(`#/customers/${customer}`);
    } catch (error) {
      wrong.textContent = words.say("not_kept", { why: (error as Error).message });
      busy = false;
    }
  };
  return el(
    "form",
    { onsubmit: submit },
    ...parts,
    wrong,
    el("button", { class: "btn btn-primary w-100 mb-2" }, words.say("keep")),
    el("a", { class: "btn w-100", href: `#/customers/${customer}` }, words.say("cancel")),
  );
}

function screen(state: State, customer: string, heading: string, body: () => HTMLElement | null): Screen {
  const found = state.customers.get(customer);
  const of = found ? el("p", { class: "text-secondary" }, called(state, found)) : null;
  const gone = () => el("p", { class: "alert alert-info", role: "alert" }, state.words.say("gone"));
  return { heading, once: true, draw: (into) => put(into, of, (found && body()) || gone()) };
}

/** A note. */
export function noteForm(state: State, doing: Doing, customer: string): Screen {
  const { words } = state;
  return screen(state, customer, words.say("note"), () => {
    const text = el("textarea", { id: "text", class: "form-control", rows: 6, required: true, maxlength: 5000 });
    return form(state, doing, customer, [labelled(words.say("note_text"), text)], () => {
      const written = text.value.trim();
      return written ? (note) => ({ kind: "note", note, text: written }) : words.say("empty");
    });
  });
}

/** An order: lines of product, quantity and price. */
export function orderForm(state: State, doing: Doing, customer: string): Screen {
  const { words } = state;
  return screen(state, customer, words.say("order"), () => {
    const products = state.orderable;
    const currencies = [...new Set([...products.values()].map((one) => one.currency))].filter(Boolean);
    const code = {
      pattern: "[A-Z]{3}",
      maxlength: 3,
      required: true,
      autocapitalize: "characters",
      list: "currencies",
    };
    const currency = el("input", { id: "currency", class: "form-control", ...code, value: currencies[0] ?? "" });
    const codes = el("datalist", { id: "currencies" }, ...currencies.map((one) => el("option", { value: one })));
    const known = el("datalist", { id: "products" });
    known.append(...[...products.values()].map((one) => el("option", { value: one.product }, one.name)));
    const lines = el("div", {});
    const total = el("p", { role: "status", class: "fw-bold" });
    const add = () => lines.append(orderLine(state, lines.children.length + 1, currency, recount));
    const read = () => [...lines.children].map((line) => lineOf(state, line, currency.value));
    const recount = () => {
      const sum = read().reduce((all, line) => all + (line ? line.quantity * line.unit_price : 0), 0);
      total.textContent = words.say("total", { total: words.money(sum, currency.value) });
    };
    currency.addEventListener("input", recount);
    add();
    recount();
    const more = el(
      "button",
      { type: "button", class: "btn mb-3", id: "more-lines", onclick: add },
      words.say("add_line"),
    );
    const parts = [known, codes, lines, more, labelled(words.say("currency"), currency), total];
    return form(state, doing, customer, parts, () => {
      const found = read();
      if (found.some((line) => line === null)) return words.say("order_wrong");
      const [ordered, inCurrency] = [found as Line[], currency.value];
      return (order) => ({ kind: "order", order, lines: ordered, currency: inCurrency });
    });
  });
}

function orderLine(state: State, place: number, currency: HTMLInputElement, changed: () => void): HTMLElement {
  const { words } = state;
  const shared = { class: "form-control", required: true, oninput: changed };
  const price = el("input", { ...shared, id: `price-${place}`, inputmode: "decimal", name: "price" });
  const fill = (event: Event) => {
    const product = state.orderable.get((event.target as HTMLInputElement).value);
    if (!product) return;
    currency.value = product.currency;
    price.value = words.typed(product.unit_price, product.currency);
    changed();
  };
  const product = el("input", {
    ...shared,
    id: `product-${place}`,
    list: "products",
    name: "product",
    onchange: fill,
    oninput: fill,
  });
  const many = { type: "number", min: 1, max: 1_000_000, value: 1, inputmode: "numeric", name: "quantity" };
  const quantity = el("input", { ...shared, ...many, id: `quantity-${place}` });
  return el(
    "fieldset",
    { class: "card card-body mb-2" },
    el("legend", { class: "fs-4" }, words.say("line", { place })),
    labelled(words.say("product"), product),
    el(
      "div",
      { class: "d-flex gap-2" },
      labelled(words.say("quantity"), quantity),
      labelled(words.say("price"), price),
    ),
  );
}

function lineOf(state: State, line: Element, currency: string): Line | null {
  const value = (name: string) => line.querySelector<HTMLInputElement>(`[name=${name}]`)!.value.trim();
  const [product, quantity] = [value("product"), Number(value("quantity"))];
  const unit_price = state.words.minor(value("price"), currency);
  const wrong = !/^[\p{L}\p{N}_.:/-]{1,100}$/u.test(product) || !Number.isInteger(quantity) || quantity < 1;
  return wrong || unit_price === null ? null : { product, quantity, unit_price };
}

/** Another value of a field. What the rep saw when he opened the form is what his edit takes the place of: a value that
 * comes meanwhile isn't overwritten unseen, but stands beside it until a person decides. */
export function editForm(state: State, doing: Doing, customer: string, name: string): Screen {
  const { words, shell } = state;
  const kind = shell.fields.find((one) => one.name === name) ?? {
    name,
    label: name,
    kind: "text",
    many: false,
    choices: [],
  };
  return screen(state, customer, kind.label, () => {
    const before = state.customers.get(customer)!.fields[name] ?? { value: "", heads: [] };
    const saw = [...before.heads];
    const claims = (values: string[]): Given =>
      values.length === 0
        ? null
        : () => ({
            kind: "edit",
            claims: values.map((value): Claim => ({ id: uuid7(Date.now()), field: name, value, saw })),
          });
    if (kind.kind === "set") {
      const { parts, changes } = setInputs(state, elements(before.value));
      return form(state, doing, customer, parts, () => claims(changes()));
    }
    const text = kind.many ? "" : elements(before.value).join("");
    const input = inputOf(state, kind, text);
    const help = before.open?.length ? words.say("disputed_help") : "";
    return form(state, doing, customer, [labelled(words.say(kind.many ? "append" : "value"), input, help)], () =>
      // The same again is a decision where people disagree, and else nothing.
      input.value.trim() === text && !before.open?.length ? null : claims([input.value.trim()]),
    );
  });
}

function inputOf(
  state: State,
  kind: FieldKind,
  value: string,
): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  const shared = { id: "value", maxlength: 5000 };
  if (kind.kind === "long_text") {
    const made = el("textarea", { ...shared, class: "form-control", rows: 5 });
    made.value = value;
    return made;
  }
  const yesOrNo = ["true", "false"].map((one) => ({ value: one, label: state.words.code("boolean", one) }));
  const choices = kind.kind === "boolean" ? yesOrNo : kind.choices;
  if (choices.length > 0) {
    const made = el("select", { id: "value", class: "form-select" }, el("option", { value: "" }, ""));
    made.append(...choices.map((one) => el("option", { value: one.value }, one.label)));
    made.value = value;
    return made;
  }
  const types: Record<string, string> = { date: "date", phone: "tel", email: "email" };
  const made = el("input", { ...shared, class: "form-control", type: types[kind.kind] ?? "text" });
  if (kind.kind === "number") made.inputMode = "decimal";
  made.value = value;
  return made;
}

function setInputs(state: State, present: string[]): { parts: HTMLElement[]; changes: () => string[] } {
  const { words } = state;
  const boxes = present.map((element, place) => {
    const box = el("input", { type: "checkbox", class: "form-check-input", id: `has-${place}`, checked: true });
    return {
      element,
      box,
      label: el("label", { class: "form-check" }, box, el("span", { class: "form-check-label" }, element)),
    };
  });
  const added = el("input", { id: "value", class: "form-control", maxlength: 4999 });
  const changes = () => {
    const gone = boxes.filter(({ box }) => !box.checked).map(({ element }) => `-${element}`);
    const more = added.value.trim();
    return more && !present.includes(more) ? [...gone, `+${more}`] : gone;
  };
  return { parts: [...boxes.map(({ label }) => label), labelled(words.say("append"), added)], changes };
}
