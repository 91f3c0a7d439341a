/**
 * Keys: an element with data-key="a" is used by that key, while nobody types; with Alt also while typing. "?" lists
 * them (the dialog #keys of the layout), with their names from data-key-name, aria-label or their text.
 */
import { isField } from "./fields";

function isTyping(): boolean {
  const at = document.activeElement;
  if (at instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit"].includes(at.type);
  return isField(at) || (at instanceof HTMLElement && at.isContentEditable);
}

function isShown(element: HTMLElement): boolean {
  return element.getClientRects().length > 0;
}

function use(element: HTMLElement): void {
  if (isField(element) && !(element instanceof HTMLInputElement && ["checkbox", "radio"].includes(element.type))) {
    element.focus();
    if (element instanceof HTMLInputElement) element.select();
  } else if (element instanceof HTMLInputElement || element.matches("a, button, summary, label")) {
    element.focus();
    element.click();
  } else element.focus();
}

function nameOf(element: HTMLElement): string {
  const label = isField(element) ? element.labels?.[0]?.textContent : undefined;
  return (element.dataset.keyName ?? element.ariaLabel ?? label ?? element.textContent ?? "").trim();
}

function showKeys(): void {
  const dialog = document.getElementById("keys");
  const list = dialog?.querySelector("dl");
  if (!(dialog instanceof HTMLDialogElement) || !list) return;
  list.replaceChildren();
  for (const element of document.querySelectorAll<HTMLElement>("[data-key]")) {
    if (!isShown(element)) continue;
    const key = document.createElement("dt");
    const kbd = document.createElement("kbd");
    kbd.textContent = element.dataset.key ?? "";
    key.append(kbd);
    const name = document.createElement("dd");
    name.textContent = nameOf(element);
    list.append(key, name);
  }
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.isComposing || (isTyping() && !event.altKey)) return;
  if (event.key === "?" && !event.altKey) {
    event.preventDefault();
    showKeys();
    return;
  }
  const open = document.querySelector<HTMLElement>("dialog[open]");
  const key = CSS.escape(event.key.toLowerCase());
  const found = [...(open ?? document).querySelectorAll<HTMLElement>(`[data-key="${key}"]`)].find(isShown);
  if (!found) return;
  event.preventDefault();
  use(found);
});

// data-opens="id" shows a dialog, data-closes closes the one it is in.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-opens], [data-closes]");
  if (!button) return;
  if ("closes" in button.dataset) button.closest("dialog")?.close();
  const dialog = document.getElementById(button.dataset.opens ?? "");
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
});
