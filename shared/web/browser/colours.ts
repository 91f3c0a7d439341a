/** Dark or light, before anything is drawn: as chosen here, else as the system wants it. */

const dark = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  const chosen = localStorage.getItem("crm-colours") ?? "auto";
  const theme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
  document.documentElement.dataset.bsTheme = theme;
}

apply();
dark.addEventListener("change", apply);
document.documentElement.addEventListener("crm:colours", apply);
