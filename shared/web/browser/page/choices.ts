/** Language and colours, as this browser's owner wants them: data-language="es", data-colours="dark". */

document.addEventListener("click", (event) => {
  const chosen = (event.target as Element).closest<HTMLElement>("[data-language], [data-colours]");
  if (chosen?.dataset.language) {
    document.cookie = `crm_language=${chosen.dataset.language}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  } else if (chosen?.dataset.colours) {
    localStorage.setItem("crm-colours", chosen.dataset.colours);
    document.documentElement.dispatchEvent(new Event("crm:colours"));
  }
});
