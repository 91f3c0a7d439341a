/**
 * One plot. data-plot is its kind: "line", "area", "step", "bar", "stack" (bars on each other) or "rank" (bars to the
 * right, one a row). data-unit stands at the axis. What is under a figure's first table is drawn; the table stays.
 */
import { BarChart, LineChart } from "echarts/charts";
import {
  AriaComponent,
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { type Numbers, read } from "./table";

echarts.use([
  BarChart,
  LineChart,
  AriaComponent,
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  CanvasRenderer,
]);

const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
const drawn = new WeakMap<HTMLElement, string>();

/** A colour of the page as numbers: the page may mix it in ways that a plot doesn't know, so one dot is painted. */
function colour(name: string, otherwise: string): string {
  const dot = document.createElement("span");
  dot.style.color = `var(${name}, ${otherwise})`;
  document.body.append(dot);
  const mixed = getComputedStyle(dot).color;
  dot.remove();
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!brush) return otherwise;
  brush.fillStyle = mixed;
  brush.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha = 255] = brush.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
}

function options(kind: string, numbers: Numbers, unit: string): echarts.EChartsCoreOption {
  const text = colour("--tblr-secondary", "#667");
  const line = colour("--tblr-border-color", "#ccd");
  const isRank = kind === "rank";
  const isBar = isRank || kind === "bar" || kind === "stack";
  const isTime = numbers.isTime && !isBar;
  const labels = {
    type: isTime ? "time" : "category",
    data: isTime ? undefined : numbers.rows,
    inverse: isRank,
    axisLabel: { color: text, hideOverlap: true },
    axisLine: { lineStyle: { color: line } },
  };
  const isWhole = numbers.series.every(({ values: cells }) => cells.every((cell) => Number.isInteger(cell ?? 0)));
  const values = {
    type: "value",
    minInterval: isWhole ? 1 : 0, // no half a customer
    name: unit,
    nameTextStyle: { color: text },
    axisLabel: { color: text, formatter: (value: number) => number.format(value) },
    splitLine: { lineStyle: { color: line } },
  };
  return {
    animation: false,
    aria: { enabled: true },
    color: ["#2176d2", "#d9730d", "#2f9e44", "#9c36b5", "#0b7285", "#c2255c"],
    textStyle: { fontFamily: "inherit" },
    grid: { left: 8, right: 16, top: 36, bottom: numbers.series.length > 1 ? 32 : 8, containLabel: true },
    // Below, as the unit stands above the axis.
    legend: numbers.series.length > 1 ? { textStyle: { color: text }, bottom: 0 } : undefined,
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (v: unknown) => number.format(Number(v)) },
    // Only with Ctrl, so that a page still scrolls over a plot; a page offers the periods that it has as links, too.
    dataZoom: isTime ? { type: "inside", zoomOnMouseWheel: "ctrl" } : undefined,
    xAxis: isRank ? values : labels,
    yAxis: isRank ? labels : values,
    series: numbers.series.map(({ name, values: cells }) => ({
      name,
      type: isBar ? "bar" : "line",
      stack: kind === "stack" ? "all" : undefined,
      step: kind === "step" ? "end" : undefined,
      areaStyle: kind === "area" ? { opacity: 0.15 } : undefined,
      showSymbol: cells.length < 40,
      barMaxWidth: 28,
      data: isTime ? cells.map((cell, index) => [numbers.rows[index], cell]) : cells,
    })),
  };
}

function canvasOf(figure: HTMLElement): HTMLElement {
  const there = figure.querySelector<HTMLElement>(":scope > .plot");
  if (there) return there;
  const made = document.createElement("div");
  made.className = "plot";
  made.setAttribute("aria-hidden", "true"); // the table says the same to who can't see it
  figure.prepend(made);
  return made;
}

/** Draw the figure if its numbers, or the colours of the page, are others than were drawn. */
export function draw(figure: HTMLElement): void {
  const table = figure.querySelector("table");
  if (!table) return;
  const numbers = read(table);
  const theme = document.documentElement.dataset.bsTheme ?? "light";
  const canvas = canvasOf(figure);
  const state = JSON.stringify([theme, numbers]);
  if (drawn.get(canvas) === state) return;
  drawn.set(canvas, state);
  const chart = echarts.getInstanceByDom(canvas) ?? echarts.init(canvas);
  chart.setOption(options(figure.dataset.plot ?? "line", numbers, figure.dataset.unit ?? ""), true);
  sizes.observe(canvas);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) echarts.getInstanceByDom(target as HTMLElement)?.resize();
});

new MutationObserver(() => {
  for (const figure of document.querySelectorAll<HTMLElement>("figure[data-plot]")) draw(figure);
}).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
