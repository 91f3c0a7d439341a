/** Instants in the reader's zone and language; data-ago says how long ago it was, kept up to date. */

const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const EVERY = 10_000;

function ago(at: Date): string {
  const seconds = (at.getTime() - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, many]) => Math.abs(seconds) >= many) ?? (["second", 1] as const);
  return relative.format(Math.trunc(seconds / size), unit);
}

export function localTimes(root: ParentNode): void {
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const isAgo = "ago" in time.dataset;
    time.textContent = isAgo ? ago(at) : full.format(at);
    if (isAgo) time.title = full.format(at);
  }
}

setInterval(() => localTimes(document), EVERY);
