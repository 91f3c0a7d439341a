/**
 * The corner in which calls pop up. What is done there refreshes the parts of the page that refresh by themselves, and
 * never loads the page anew: somebody may be typing in it.
 */
const title = document.title;
const dock = document.getElementById("at-desk");

function refresh(): void {
  for (const part of document.querySelectorAll('[hx-trigger*=":changed"]')) {
    window.htmx.trigger(part, "desk:changed", {});
    window.htmx.trigger(part, "crm:changed", {});
  }
}

interface Answered {
  elt: HTMLElement;
  successful: boolean;
}

dock?.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = (event as CustomEvent<Answered>).detail;
  if (successful && elt instanceof HTMLFormElement) refresh();
});

dock?.addEventListener("htmx:afterSwap", () => {
  const ringing = dock.querySelector<HTMLElement>("[data-rings]");
  document.title = ringing?.dataset.rings ?? title;
});

// Who comes back sees what is so now, and not when the stream has found its way back.
window.addEventListener("online", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
