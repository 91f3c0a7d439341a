/** Customers as the rep is to see them: what the server said, and over it what he wrote since. Pure. */

import type { Item, Written } from "./store";
import type { Customer, FieldKind, Mutation } from "./types";

/** What isn't known to be decided. */
export function isOpen(one: Written): boolean {
  return one.state !== "accepted" && one.state !== "refused";
}

/** All customers on the device, by id. */
export function customersOf(
  items: readonly Item[],
  written: readonly Written[],
  kinds: readonly FieldKind[],
): Map<string, Customer> {
  const found = new Map<string, Customer>();
  for (const item of items) {
    if (!item.key.startsWith("mutation/")) found.set(item.key, JSON.parse(item.body) as Customer);
  }
  const many = new Set(kinds.filter((kind) => kind.many).map((kind) => kind.name));
  for (const one of written) {
    if (!isOpen(one) || !("kind" in one.content)) continue;
    const customer = found.get(one.content.customer);
    if (customer) layOver(customer, one.content, many, one.state);
  }
  return found;
}

/** Show what was written over what was pulled; once the server's item has it, nothing changes. */
function layOver(customer: Customer, one: Mutation, many: ReadonlySet<string>, state: string): void {
  if (one.kind === "note" && customer.notes.every((note) => note.note !== one.note)) {
    customer.notes.unshift({ note: one.note, text: one.text, at: one.made, author: "", own: true });
  }
  if (one.kind === "order" && customer.orders.every((order) => order.order !== one.order)) {
    const { order, lines, currency } = one;
    customer.orders.unshift({
      order,
      lines,
      currency,
      state: state ? "requested" : "written",
      at: one.made,
      own: true,
    });
  }
  for (const claim of one.kind === "edit" ? one.claims : []) {
    customer.fields[claim.field] ??= { value: "", heads: [] };
    const field = customer.fields[claim.field]!;
    if (field.heads.includes(claim.id)) continue;
    field.heads = [...field.heads, claim.id];
    const isMany = Array.isArray(field.value) || many.has(claim.field);
    field.value = isMany ? withChange(elements(field.value), claim.value) : claim.value;
  }
}

/** The elements of a field that has several. */
export function elements(value: string | string[]): string[] {
  return Array.isArray(value) ? value : value ? [value] : [];
}

function withChange(present: readonly string[], change: string): string[] {
  const [sign, element] = [change.slice(0, 1), change.slice(1)];
  if (sign !== "+" && sign !== "-") return [...present, change];
  const rest = present.filter((one) => one !== element);
  return sign === "+" ? [...rest, element].sort() : rest;
}

function text(customer: Customer, name: string): string {
  const value = customer.fields[name]?.value ?? "";
  return Array.isArray(value) ? value.join(", ") : value;
}

/** What to call the customer; empty when no name is known. */
export function nameOf(customer: Customer): string {
  const person = [text(customer, "given_name"), text(customer, "family_name")].filter(Boolean).join(" ");
  return person || text(customer, "company");
}

/** Whether the name isn't known because the rep's role doesn't show it. */
export function isNameless(customer: Customer): boolean {
  return (customer.masked ?? []).some((name) => ["given_name", "family_name", "company"].includes(name));
}

/** Where the customer is, and how he is reached: the second line of a list. */
export function sublineOf(customer: Customer): string {
  return [text(customer, "city"), text(customer, "phone")].filter(Boolean).join(" · ");
}

/** As for comparing what is searched: without accents and case. */
function plain(value: string): string {
  return value
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
}

const SEARCHED = ["given_name", "family_name", "company", "phone", "email", "city", "street", "postal_code"];

/** The customers with all of these words in name, address, number or e-mail; by name. */
export function search(customers: Iterable<Customer>, words: string): Customer[] {
  const wanted = plain(words).split(/\s+/).filter(Boolean);
  const found: [string, Customer][] = [];
  for (const customer of customers) {
    const all = plain(SEARCHED.map((name) => text(customer, name)).join(" "));
    if (wanted.every((word) => all.includes(word))) found.push([plain(nameOf(customer)), customer]);
  }
  return found
    .sort(([one, a], [two, b]) => one.localeCompare(two) || a.customer.localeCompare(b.customer))
    .map(([, c]) => c);
}
