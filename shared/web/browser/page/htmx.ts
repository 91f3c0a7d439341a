/**
 * htmx as pages use it: no code out of attributes, no styles of its own, nothing swapped unless a page says so at the
 * very element: a form in a part that refreshes itself isn't to put its answer into itself.
 */
import htmx from "htmx.org";

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}

window.htmx = htmx; // where its extensions look for it
htmx.config.allowEval = false;
htmx.config.disableInheritance = true;
htmx.config.includeIndicatorStyles = false;
htmx.config.historyEnabled = false;
htmx.config.selfRequestsOnly = true;
htmx.config.defaultSwapStyle = "none";
htmx.config.defaultSettleDelay = 0;
htmx.config.scrollBehavior = "instant";

export { htmx };
