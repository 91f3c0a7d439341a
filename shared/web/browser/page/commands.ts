/**
 * Forms with hx-post are commands: sent as JSON with an Idempotency-Key, so that a repetition counts once. What went
 * wrong is said at the form; nothing that was typed is lost. After success, by attributes of the form:
 * data-then="/path/{id}" goes there ({name} taken from the answer), data-said="…" says so, data-keep leaves the form as
 * it is, data-stay refreshes nothing.
 */
import { bodyOf } from "./fields";
import { htmx } from "./htmx";
import { renew, showSignedOut } from "./session";
import { reloadOrRefresh } from "./refreshing";
import { say } from "./toasts";

interface Sent {
  body: string;
  key: string;
}

const sent = new WeakMap<HTMLElement, Sent>();
const submitters = new WeakMap<HTMLElement, HTMLElement | null>();
const retried = new WeakSet<HTMLElement>();

/** On whose account this page was opened, a contact or a case: the audit log keeps it. */
const WHY = new URLSearchParams(location.search).get("why");

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The key belongs to what is sent: a repeat after a lost answer has the same, another text a new one. */
function keyOf(form: HTMLElement, body: string): string {
  const before = sent.get(form);
  if (before?.body === body) return before.key;
  const key = newKey();
  sent.set(form, { body, key });
  return key;
}

function showsAnswer(element: Element): boolean {
  const swap = element.getAttribute("hx-swap") ?? "none";
  return !swap.startsWith("none");
}

document.addEventListener(
  "submit",
  (event) => submitters.set(event.target as HTMLElement, (event as SubmitEvent).submitter),
  true,
);

htmx.defineExtension("command", {
  encodeParameters: (xhr: XMLHttpRequest, parameters: FormData, element: Node) => {
    const asking = element as HTMLElement;
    // A button may ask with what stands in its form, such as what would come of sending it.
    const form = asking.closest("form");
    const body = form
      ? JSON.stringify(bodyOf(form, submitters.get(form)))
      : JSON.stringify(Object.fromEntries(parameters));
    if (!showsAnswer(asking)) xhr.setRequestHeader("idempotency-key", keyOf(asking, body));
    return body;
  },
});

interface Configured {
  elt: HTMLElement;
  verb: string;
  headers: Record<string, string>;
}

document.addEventListener("htmx:configRequest", (event) => {
  const { elt, verb, headers } = (event as CustomEvent<Configured>).detail;
  headers.accept = verb === "get" || showsAnswer(elt) ? "text/html" : "application/json";
  if (verb !== "get") headers["Content-Type"] = "application/json"; // in place of htmx's own, not beside it
  if (WHY) headers["crm-why"] = WHY;
});

interface Answered {
  elt: HTMLElement;
  xhr: XMLHttpRequest;
  successful: boolean;
  failed: boolean;
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr, successful } = (event as CustomEvent<Answered>).detail;
  if (xhr.status === 401) {
    void signInAgain(elt);
    return;
  }
  retried.delete(elt);
  const form = elt.closest("form");
  if (!form) return;
  if (successful) succeeded(form, elt, xhr);
  else if (xhr.status === 0) complain(form, document.body.dataset.unreached ?? "");
  else complain(form, problemOf(xhr));
});

async function signInAgain(element: HTMLElement): Promise<void> {
  if (!retried.has(element) && (await renew())) {
    retried.add(element);
    if (element instanceof HTMLFormElement) element.requestSubmit(submitters.get(element) ?? undefined);
    else htmx.trigger(element, "crm:changed", {});
    return;
  }
  const link = showSignedOut();
  if (element instanceof HTMLFormElement && link) placeOf(element).replaceChildren(link);
}

function succeeded(form: HTMLFormElement, asking: HTMLElement, xhr: XMLHttpRequest): void {
  sent.delete(asking);
  form.querySelector(".problem")?.replaceChildren();
  if (showsAnswer(asking)) return;
  if (form.dataset.then) {
    const answer = JSON.parse(xhr.responseText || "{}") as Record<string, string>;
    const path = form.dataset.then.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(answer[name] ?? ""));
    if (form.dataset.said) sessionStorage.setItem("crm-said", form.dataset.said);
    location.assign(path);
    return;
  }
  if (!("keep" in form.dataset)) form.reset();
  form.closest("dialog")?.close();
  if ("stay" in form.dataset) {
    if (form.dataset.said) say(form.dataset.said);
  } else reloadOrRefresh(form.dataset.said);
}

interface Problem {
  detail?: string;
  errors?: { where: string; what: string }[];
  trace_id?: string;
}

function problemOf(xhr: XMLHttpRequest): string {
  try {
    const problem = JSON.parse(xhr.responseText) as Problem;
    const places = (problem.errors ?? []).map((error) => ` (${error.where}: ${error.what})`).join("");
    return (problem.detail ?? `${xhr.status}`) + places;
  } catch {
    return `${xhr.status}`;
  }
}

function placeOf(form: HTMLFormElement): Element {
  let place = form.querySelector(".problem");
  if (!place) {
    place = document.createElement("p");
    place.className = "problem text-danger mt-2 mb-0";
    place.setAttribute("role", "alert");
    form.append(place);
  }
  return place;
}

function complain(form: HTMLFormElement, text: string): void {
  placeOf(form).textContent = text;
}

// A list or box that decides by itself: data-on-change on its form.
document.addEventListener("change", (event) => {
  const form = (event.target as HTMLInputElement).form;
  if (form && "onChange" in form.dataset) form.requestSubmit();
});
