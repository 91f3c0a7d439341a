/**
 * A review by few keys: in a group of choices (fieldset[data-digits]) a digit chooses and goes on to the next group,
 * Backspace goes back, Enter sends. A reason brings its usual outcome along (data-usual), until one is chosen by hand.
 */
const chosen = new WeakSet<HTMLFormElement>();

function groupOf(target: EventTarget | null): HTMLFieldSetElement | null {
  return target instanceof Element ? target.closest<HTMLFieldSetElement>("fieldset[data-digits]") : null;
}

function beside(group: HTMLFieldSetElement, by: number): HTMLFieldSetElement | undefined {
  const groups = [...(group.form?.querySelectorAll<HTMLFieldSetElement>("fieldset[data-digits]") ?? [])];
  return groups[groups.indexOf(group) + by];
}

function choose(group: HTMLFieldSetElement, digit: string): boolean {
  const choice = group.querySelector<HTMLInputElement>(`input[type="radio"][data-digit="${digit}"]`);
  if (!choice) return false;
  choice.click();
  (beside(group, 1) ?? choice).focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  const group = groupOf(event.target);
  if (!group || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter") group.form?.requestSubmit();
  else if (event.key === "Backspace") beside(group, -1)?.focus();
  else if (!/^[0-9]$/.test(event.key) || !choose(group, event.key)) return;
  event.preventDefault();
});

// From the note, too.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = (event.target as HTMLTextAreaElement).form;
  if (form?.matches("[data-review]")) form.requestSubmit();
});

document.addEventListener("change", (event) => {
  const choice = event.target as HTMLInputElement;
  const form = choice.form;
  if (!form?.matches("[data-review]")) return;
  if (choice.name === "outcome") chosen.add(form);
  if (choice.name !== "reason" || chosen.has(form)) return;
  const usual = choice.dataset.usual;
  for (const outcome of form.querySelectorAll<HTMLInputElement>('input[name="outcome"]')) {
    outcome.checked = outcome.value === usual;
  }
});
