/** The editor of roles: what is ticked, against the role that it is compared with (data-alike), row by row and together. */

function compare(form: HTMLFormElement): void {
  let more = 0;
  let less = 0;
  for (const row of form.querySelectorAll("tbody tr")) {
    const boxes = [...row.querySelectorAll<HTMLInputElement>('input[type="checkbox"]')];
    const added = boxes.filter((box) => box.checked && !("alike" in box.dataset)).length;
    const taken = boxes.filter((box) => !box.checked && "alike" in box.dataset).length;
    row.querySelector("[data-more]")?.toggleAttribute("hidden", added === 0);
    row.querySelector("[data-less]")?.toggleAttribute("hidden", taken === 0);
    more += added;
    less += taken;
  }
  const together = form.querySelector<HTMLElement>("[data-together]");
  if (!together) return;
  const text = together.dataset.together ?? "";
  together.textContent = text.replace("{more}", String(more)).replace("{less}", String(less));
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-role-grid]")) {
  compare(form);
  form.addEventListener("change", () => compare(form));
}
