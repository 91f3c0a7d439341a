/** Everything that refreshes by itself, refreshed now; a page without such parts is loaded anew. */
import { htmx } from "./htmx";
import { say } from "./toasts";

const REGIONS = '[hx-trigger*="crm:changed"]';

function refreshRegions(): boolean {
  const regions = document.querySelectorAll(REGIONS);
  for (const region of regions) htmx.trigger(region, "crm:changed", {});
  return regions.length > 0;
}

export function reloadOrRefresh(said?: string): void {
  if (refreshRegions()) {
    if (said) say(said);
    return;
  }
  if (said) sessionStorage.setItem("crm-said", said);
  location.reload();
}
