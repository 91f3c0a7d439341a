/** A part of a page on the whole screen, to be seen from afar: data-fills="id" on a button. */
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-fills]");
  if (!button) return;
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.getElementById(button.dataset.fills ?? "")?.requestFullscreen();
});
