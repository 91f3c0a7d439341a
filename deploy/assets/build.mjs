// node build.mjs FOLDER PICTURES ENTRY…: scripts and styles by esbuild, and one sheet of the icons that pages use.
// Types aren't checked here, but by `make lint`.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const [folder, pictures, ...entries] = process.argv.slice(2);

const { metafile } = await build({
  entryPoints: entries.map((path) => ({ in: path, out: basename(path, extname(path)) })),
  outdir: folder,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2023",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

function symbol(name) {
  const svg = readFileSync(`node_modules/@tabler/icons/icons/outline/${name}.svg`, "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s+/g, " ").trim()}</symbol>`;
}

const names = readFileSync(join(pictures, "icons.txt"), "utf8").split("\n").filter(Boolean);
const sheet = join(folder, "icons.svg");
writeFileSync(sheet, `<svg xmlns="http://www.w3.org/2000/svg">${names.map(symbol).join("")}</svg>`);
copyFileSync(join(pictures, "icon.svg"), join(folder, "icon.svg"));

// Smaller once, here, and not with every answer.
for (const path of [...Object.keys(metafile.outputs), sheet]) {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
}
