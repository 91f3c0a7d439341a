/**
 * Parts of a page that refresh by themselves: morphed into what the server shows now, so that focus, selection, what
 * was opened and above all what was typed stay as they are.
 */
import "htmx-ext-sse/sse.js";
import { Idiomorph } from "idiomorph/htmx";
import { changedByHand, isField } from "./fields";
import { localTimes } from "./times";

function isOpened(node: Element): boolean {
  return node instanceof HTMLDetailsElement || node instanceof HTMLDialogElement;
}

Idiomorph.defaults.callbacks = {
  ...Idiomorph.defaults.callbacks,
  // A field that somebody changed stays whole: its text, and what was known when its typing began (data-saw).
  beforeNodeMorphed: (old: Node) => !(isField(old) && changedByHand(old)),
  // What the server knows nothing of: what a plot was drawn on, what went wrong at a form, answers to what was asked.
  beforeNodeRemoved: (old: Node) =>
    !(old instanceof HTMLElement && old.matches("figure > .plot, .problem, [data-answer] *")),
  beforeAttributeUpdated: (name: string, node: Element) => !(name === "open" && isOpened(node)),
};

function titleOf(root: ParentNode): void {
  const title = root.querySelector<HTMLElement>("[data-title]")?.dataset.title;
  if (title) document.title = title;
}

document.addEventListener("htmx:afterSwap", (event) => {
  const target = event.target as HTMLElement; // what a stream brought has no other
  localTimes(target);
  titleOf(target);
});
titleOf(document);
