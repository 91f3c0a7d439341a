/** What people read: the server sends it with the page, in their language; nothing of it stands in scripts. */

import type { FieldKind } from "./types";

/** What the page brings along: `data-shell` of its body. */
export interface Shell {
  rep: string;
  texts: Record<string, string>;
  /** Names of what stands in timelines. */
  labels: Record<string, string>;
  fields: FieldKind[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;

/** Texts, and dates and money by the reader's language. */
export class Words {
  private readonly language = document.documentElement.lang;

  constructor(private readonly shell: Shell) {}

  /** A text, with what it has in braces put in. */
  say(name: string, values: Record<string, string | number> = {}): string {
    const text = this.shell.texts[name] ?? name;
    return text.replace(/\{(\w+)\}/g, (_, key: string) => `${values[key] ?? ""}`);
  }

  /** A text that is another one for one thing: `name_one`. */
  count(name: string, count: number): string {
    return this.say(count === 1 ? `${name}_one` : name, { count: new Intl.NumberFormat(this.language).format(count) });
  }

  /** The text of a code, which there may be none for: then the code. */
  code(kind: string, code: string): string {
    return this.shell.texts[`${kind}_${code}`] ?? code;
  }

  /** A day and a time; of today the time alone. */
  instant(text: string): string {
    const at = new Date(text);
    const isToday = at.toDateString() === new Date().toDateString();
    const form: Intl.DateTimeFormatOptions = isToday
      ? { timeStyle: "short" }
      : { dateStyle: "medium", timeStyle: "short" };
    return new Intl.DateTimeFormat(this.language, form).format(at);
  }

  /** An amount of minor units. */
  money(minor: number, currency: string): string {
    const form = this.moneyForm(currency);
    return form ? form.format(minor / 10 ** digitsOf(form)) : `${minor / 100} ${currency}`.trim();
  }

  /** Minor units as somebody types them: with a comma or a point; none if it is no amount. */
  minor(typed: string, currency: string): number | null {
    const form = this.moneyForm(currency);
    const digits = form ? digitsOf(form) : 2;
    const match = /^(\d{1,9})(?:[.,](\d+))?$/.exec(typed.trim());
    if (!match || (match[2] ?? "").length > digits) return null;
    return Number(match[1]! + (match[2] ?? "").padEnd(digits, "0"));
  }

  /** Minor units as somebody would type them. */
  typed(minor: number, currency: string): string {
    const form = this.moneyForm(currency);
    const digits = form ? digitsOf(form) : 2;
    return (minor / 10 ** digits).toFixed(digits);
  }

  /** A field's value as people read it. */
  value(kind: FieldKind | undefined, value: string | string[]): string {
    const one = (text: string): string => {
      if (kind?.kind === "boolean") return text ? this.code("boolean", text) : "";
      if (kind?.kind === "date" && /^\d{4}-\d\d-\d\d$/.test(text)) {
        const at = new Date(`${text}T00:00:00Z`);
        return new Intl.DateTimeFormat(this.language, { dateStyle: "medium", timeZone: "UTC" }).format(at);
      }
      return kind?.choices.find((choice) => choice.value === text)?.label ?? text;
    };
    return Array.isArray(value) ? value.map(one).join(", ") : one(value);
  }

  /** What an entry of a timeline says, as pairs of label and value; ids are for machines. */
  linesOf(data: Record<string, unknown>): [string, string][] {
    const found: [string, string][] = [];
    const currency = typeof data.currency === "string" ? data.currency : "";
    for (const [name, value] of Object.entries(data)) {
      const label = this.shell.labels[name];
      const text = this.lineOf(name, value, currency);
      if (label && text) found.push([label, text]);
      if (name === "claims" && Array.isArray(value)) found.push(...this.claims(value));
    }
    return found;
  }

  private lineOf(name: string, value: unknown, currency: string): string {
    if (typeof value === "number") {
      return name === "total" || name === "amount" ? this.money(value, currency) : `${value}`;
    }
    if (typeof value === "boolean") return this.code("boolean", `${value}`);
    if (typeof value === "string") {
      if (UUID.test(value)) return "";
      return /^\d{4}-\d\d-\d\dT/.test(value) ? this.instant(value) : value;
    }
    if (name !== "lines" || !Array.isArray(value)) return "";
    return value.map((line) => `${line.quantity} × ${line.name || line.product}`).join(", ");
  }

  private claims(claims: { field: string; value?: string | null }[]): [string, string][] {
    return claims.map(({ field, value }) => {
      const kind = this.shell.fields.find((one) => one.name === field);
      return [kind?.label ?? field, value == null ? "•••" : this.value(kind, value)];
    });
  }

  private moneyForm(currency: string): Intl.NumberFormat | null {
    try {
      return new Intl.NumberFormat(this.language, { style: "currency", currency });
    } catch {
      return null; // not a code of a currency
    }
  }
}

function digitsOf(form: Intl.NumberFormat): number {
  return form.resolvedOptions().maximumFractionDigits ?? 2;
}
