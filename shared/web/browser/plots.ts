/** Draws every figure with data-plot from the table in it. */
import { draw } from "./plots/draw";

function drawAll(root: ParentNode): void {
  for (const figure of root.querySelectorAll<HTMLElement>("figure[data-plot]")) draw(figure);
}

drawAll(document);
document.addEventListener("htmx:afterSwap", (event) => {
  drawAll(event.target as HTMLElement);
});
