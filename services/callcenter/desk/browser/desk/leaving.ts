/** Who closes a page that has something unsent, or while a customer is there, is asked whether he means it. */
import { changedByHand, isField } from "../../../../../shared/web/browser/page/fields";

const sent = new WeakSet<Element>();
let staysHere = false;

function isUnsent(): boolean {
  return [...document.querySelectorAll<HTMLFormElement>("main form[hx-post]")].some(
    (form) =>
      !sent.has(form) && [...form.elements].some((field) => isField(field) && typed(field) && changedByHand(field)),
  );
}

function typed(field: Element): boolean {
  return field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type === "text");
}

/** Whether a customer talks to this agent, or is offered to him. */
function isNeeded(): boolean {
  return document.querySelector("#at-desk [data-needed]") !== null;
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = (event as CustomEvent<{ elt: HTMLElement; successful: boolean }>).detail;
  if (successful) sent.add(elt);
});
document.addEventListener("input", (event) => {
  const form = (event.target as HTMLInputElement).form;
  if (form) sent.delete(form);
});

// Going from page to page in here loses no call: each of them shows it.
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest("a");
  staysHere = link !== null && link.origin === location.origin && link.target !== "_blank";
});
document.addEventListener("submit", () => {
  staysHere = true;
});

window.addEventListener("beforeunload", (event) => {
  if (isUnsent() || (!staysHere && isNeeded())) event.preventDefault();
  staysHere = false;
});
