/** Choosing rows of a list: one box for all, and how many are chosen. A form says data-choosing. */

function boxes(form: HTMLFormElement): HTMLInputElement[] {
  return [...form.querySelectorAll<HTMLInputElement>('tbody input[type="checkbox"]')];
}

function count(form: HTMLFormElement): void {
  const all = boxes(form);
  const chosen = all.filter((box) => box.checked).length;
  const said = form.querySelector("[data-chosen]");
  if (said) said.textContent = String(chosen);
  const whole = form.querySelector<HTMLInputElement>("[data-choose-all]");
  if (whole) {
    whole.checked = chosen === all.length;
    whole.indeterminate = chosen > 0 && chosen < all.length;
  }
  for (const button of form.querySelectorAll<HTMLButtonElement>("button:not([type])")) button.disabled = chosen === 0;
}

function countAll(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-choosing]")) count(form);
}

document.addEventListener("change", (event) => {
  const box = event.target as HTMLInputElement;
  const form = box.closest<HTMLFormElement>("form[data-choosing]");
  if (!form) return;
  if ("chooseAll" in box.dataset) for (const one of boxes(form)) one.checked = box.checked;
  count(form);
});
// Rows come and go while somebody chooses.
document.addEventListener("htmx:afterSwap", countAll);
countAll();
