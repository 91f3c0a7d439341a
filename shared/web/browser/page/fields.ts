/** What stands in a form, and as what it is sent. */

export type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export function isField(node: unknown): node is Field {
  return node instanceof HTMLInputElement || node instanceof HTMLSelectElement || node instanceof HTMLTextAreaElement;
}

export function changedByHand(field: Field): boolean {
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    if (field.multiple) return options.some((option) => option.selected !== option.defaultSelected);
    // A list in which nothing is marked shows its first entry, which nobody chose.
    const marked = options.findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(marked, 0);
  }
  if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) {
    return field.checked !== field.defaultChecked;
  }
  return field.value !== field.defaultValue;
}

function valueOf(field: Field | HTMLButtonElement): unknown {
  if (field.dataset.minor !== undefined) return Math.round(Number(field.value) * 10 ** Number(field.dataset.minor));
  if ("number" in field.dataset) return Number(field.value);
  if ("boolean" in field.dataset) return field.value === "true";
  if ("list" in field.dataset) {
    return field.value
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
  }
  return field.value;
}

/** Put a value under a dotted name, `custom.floor`, into nested objects. */
function put(into: Record<string, unknown>, name: string, value: unknown): void {
  const [first = "", ...rest] = name.split(".");
  if (rest.length === 0) into[first] = value;
  else {
    into[first] ??= {};
    put(into[first] as Record<string, unknown>, rest.join("."), value);
  }
}

/**
 * The form as JSON. On a field: data-number, data-minor="2" (money: sent in minor units), data-boolean, data-list (commas between), data-optional (left out when
 * empty), data-saw (claim ids, sent beside). On the form: data-under (a name that all go under), data-only-changed.
 */
export function bodyOf(form: HTMLFormElement, submitter?: HTMLElement | null): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const saw: Record<string, string[]> = {};
  // Fields of a customer are named with dots themselves.
  const set = (name: string, value: unknown) => {
    if (form.dataset.under) values[name] = value;
    else put(values, name, value);
  };
  for (const field of form.elements) {
    if (!isField(field) || !field.name || field.disabled) continue;
    if (field instanceof HTMLInputElement && field.type === "checkbox") {
      if ("boolean" in field.dataset) set(field.name, field.checked);
      else {
        values[field.name] ??= [];
        if (field.checked) (values[field.name] as string[]).push(field.value);
      }
      continue;
    }
    if (field instanceof HTMLInputElement && field.type === "radio" && !field.checked) continue;
    if ("optional" in field.dataset && field.value === "") continue;
    if ("onlyChanged" in form.dataset && !changedByHand(field)) continue;
    set(field.name, valueOf(field));
    if (field.dataset.saw !== undefined) saw[field.name] = field.dataset.saw.split(" ").filter(Boolean);
  }
  if (submitter instanceof HTMLButtonElement && submitter.name) set(submitter.name, valueOf(submitter));
  if (!form.dataset.under) return values;
  return Object.keys(saw).length ? { [form.dataset.under]: values, saw } : { [form.dataset.under]: values };
}
