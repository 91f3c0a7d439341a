/**
 * Clocks that tick: data-clock says since when, data-now what the server's clock showed as it wrote that, so that a
 * wrong clock of this machine does no harm. data-limits="180 86400" are seconds at which it turns yellow and red, and
 * data-words="immediate|deferred|overdue" what it is called before, between and after.
 */
const TONES = ["green", "yellow", "red"];
const ahead = new WeakMap<HTMLElement, { now: string; by: number }>();

function byWhichAhead(clock: HTMLElement): number {
  const now = clock.dataset.now ?? "";
  const known = ahead.get(clock);
  if (known?.now === now) return known.by;
  const by = now ? Date.now() - Date.parse(now) : 0;
  ahead.set(clock, { now, by });
  return by;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

function written(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  const small = `${two(minutes)}:${two(whole % 60)}`;
  if (days) return `${days} d ${hours}:${small}`;
  return hours ? `${hours}:${small}` : small.replace(/^0/, "");
}

function tick(clock: HTMLElement): void {
  const seconds = (Date.now() - byWhichAhead(clock) - Date.parse(clock.dataset.clock ?? "")) / 1000;
  if (Number.isNaN(seconds)) return;
  const limits = (clock.dataset.limits ?? "").split(" ").filter(Boolean).map(Number);
  const phase = limits.filter((limit) => seconds > limit).length;
  const word = clock.dataset.words?.split("|")[phase] ?? "";
  const text = word ? `${written(seconds)} ${word}` : written(seconds);
  if (clock.textContent !== text) clock.textContent = text;
  if (!limits.length) return;
  for (const [index, tone] of TONES.entries()) clock.classList.toggle(`bg-${tone}-lt`, index === phase);
}

function tickAll(): void {
  for (const clock of document.querySelectorAll<HTMLElement>("[data-clock]")) tick(clock);
}

tickAll();
document.addEventListener("htmx:afterSwap", tickAll);
setInterval(tickAll, 1000);
