/** Whether live updates come. A stream that ended of itself comes back at once; only a longer silence is worth a word. */

const SILENCE = 4000;

export function watchConnection(): void {
  const status = document.getElementById("connection");
  if (!status) return;
  let lost: number | undefined;
  document.addEventListener("htmx:sseOpen", () => {
    clearTimeout(lost);
    lost = undefined;
    status.textContent = "";
  });
  document.addEventListener("htmx:sseError", () => {
    lost ??= window.setTimeout(() => {
      status.textContent = status.dataset.lost ?? "";
    }, SILENCE);
  });
}
