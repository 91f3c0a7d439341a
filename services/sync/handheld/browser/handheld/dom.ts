/** Elements, made without any HTML text: what somebody wrote is always shown as text. */

type Child = Node | string | null | undefined | false;
type Given = string | number | boolean | ((event: Event) => void) | undefined;

/** An element. `onclick` and the like are listeners, true and false make an attribute be there or not. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Record<string, Given> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, `${value}`);
  }
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

/** Other content for an element; whatever of it has the focus keeps it, by its id. */
export function put(into: Element, ...children: Child[]): void {
  const focus = into.contains(document.activeElement) ? document.activeElement?.id : "";
  into.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
}

/** A card with a heading. */
export function card(heading: string, ...children: Child[]): HTMLElement {
  return el(
    "section",
    { class: "card mb-3" },
    el("div", { class: "card-body" }, el("h2", { class: "card-title" }, heading), ...children),
  );
}

/** A labelled input of whatever kind, with a line of help. */
export function labelled(label: string, input: HTMLElement, help = ""): HTMLElement {
  const hint = help ? el("div", { class: "form-hint", id: `${input.id}-help` }, help) : null;
  if (hint) input.setAttribute("aria-describedby", hint.id);
  return el("div", { class: "mb-3" }, el("label", { class: "form-label", for: input.id }, label), input, hint);
}

/** A word in a coloured frame; the colour says nothing that the word doesn't. */
export function tag(text: string, colour = "secondary"): HTMLElement {
  return el("span", { class: `badge bg-${colour}-lt` }, text);
}
