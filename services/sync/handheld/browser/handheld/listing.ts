/** The first pages: making the browser a device, and the customers that are on it. */

import { isNameless, nameOf, search, sublineOf } from "./customers";
import { el, labelled, put } from "./dom";
import type { State } from "./state";
import type { Customer } from "./types";

const SHOWN = 100;

/** A page: what it is called, what it shows, and what follows from a change meanwhile. */
export interface Screen {
  heading: string;
  /** Its content, and again after each change; a form leaves it out, so that nothing typed is lost. */
  draw: (into: HTMLElement) => void;
  /** Drawn once: a form. */
  once?: boolean;
}

/** What a page can have done. */
export interface Doing {
  enrol: (name: string) => Promise<void>;
  renew: () => Promise<void>;
  synchronize: () => Promise<void>;
  remove: () => Promise<void>;
  seen: () => Promise<void>;
  dismiss: (number: number) => Promise<void>;
  timeline: (customer: string) => Promise<void>;
  write: State["device"]["write"];
  go: (hash: string) => void;
}

/** Where a browser becomes a device. */
export function welcome(state: State, doing: Doing, able: boolean): Screen {
  const { words } = state;
  const draw = (into: HTMLElement) => {
    if (!able) {
      put(into, el("p", { class: "alert alert-warning", role: "alert" }, words.say("unable")));
      return;
    }
    const name = el("input", { id: "name", class: "form-control", required: true, maxlength: 200 });
    const wrong = el("p", { class: "text-danger", role: "alert" });
    const button = el("button", { class: "btn btn-primary w-100" }, words.say("enrol"));
    const submit = async (event: Event) => {
      event.preventDefault();
      button.disabled = true;
      await doing.enrol(name.value.trim() || words.say("name_default")).catch((error: Error) => {
        wrong.textContent = error.message;
      });
      button.disabled = false;
    };
    put(
      into,
      el("p", {}, words.say("welcome")),
      el("p", { class: "text-secondary" }, words.say("welcome_kept")),
      el("form", { onsubmit: submit }, labelled(words.say("name"), name, words.say("name_help")), wrong, button),
    );
    name.value = words.say("name_default");
  };
  return { heading: words.say("welcome_heading"), draw, once: true };
}

/** The customers, with a search that needs no network. */
export function listing(state: State, doing: Doing): Screen {
  const { words } = state;
  const box = el("input", {
    ...{ id: "search", type: "search", class: "form-control mb-3", autocomplete: "off" },
    ...{ placeholder: words.say("search"), "aria-label": words.say("search") },
    oninput: () => fill(),
  });
  const notices = el("div", {});
  const count = el("p", { class: "text-secondary", role: "status" });
  const list = el("div", { class: "list-group" });
  const fill = () => {
    const found = search(state.customers.values(), box.value);
    const first = found.slice(0, SHOWN);
    count.textContent = state.customers.size
      ? words.count(found.length > SHOWN ? "found_more" : "found", found.length)
      : words.say(state.me.synchronized ? "nobody" : "nobody_yet");
    put(list, ...first.map((customer) => row(state, customer)));
    put(notices, ...warnings(state, doing));
  };
  const draw = (into: HTMLElement) => {
    if (!into.contains(box)) put(into, notices, box, count, list);
    fill();
  };
  return { heading: words.say("customers"), draw };
}

/** What to call a customer on the page. */
export function called(state: State, customer: Customer): string {
  return nameOf(customer) || state.words.say(isNameless(customer) ? "hidden" : "no_name");
}

function row(state: State, customer: Customer): HTMLElement {
  const own = [...customer.notes, ...customer.orders].some((one) => one.own);
  return el(
    "a",
    {
      ...{ id: `c-${customer.customer}`, href: `#/customers/${customer.customer}` },
      class: "list-group-item list-group-item-action",
    },
    el("div", { class: "fw-bold" }, called(state, customer)),
    el("div", { class: "text-secondary" }, sublineOf(customer)),
    own && el("span", { class: "badge bg-yellow-lt" }, state.words.say("own")),
  );
}

/** What the rep has to know before anything else. */
function warnings(state: State, doing: Doing): (HTMLElement | false)[] {
  const { words, me } = state;
  const left = el(
    "div",
    { class: "alert alert-info", role: "status" },
    el("p", {}, words.count("left", me.left)),
    el("button", { id: "seen", class: "btn", onclick: () => void doing.seen() }, words.say("understood")),
  );
  const barred = el("div", { class: "alert alert-danger", role: "alert" }, words.say("barred"), " ", me.barred);
  const link = el("a", { id: "to-state", href: "#/state", class: "alert-link" }, words.say("look"));
  const refused = el(
    "div",
    { class: "alert alert-warning", role: "status" },
    words.count("refused_long", state.refused.length),
    " ",
    link,
  );
  const signIn = el(
    "div",
    { class: "alert alert-warning", role: "status" },
    words.say("sign_in"),
    " ",
    el("a", { id: "to-renew", href: "#/state", class: "alert-link" }, words.say("look")),
  );
  return [
    state.phase === "sign_in" && signIn,
    Boolean(me.barred) && barred,
    !me.barred && me.left > 0 && left,
    state.refused.length > 0 && refused,
  ];
}
