// The named elements of the page as a type: every `data-ref` of its markup with the kind of its element.
// Written by `node tests/web/refs-types.js > veason/studio/web/core/refs.d.ts`; refs.test.js holds both equal.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const WEB = new URL("../../veason/studio/web/", import.meta.url);

const KINDS = {
  a: "HTMLAnchorElement",
  button: "HTMLButtonElement",
  canvas: "HTMLCanvasElement",
  details: "HTMLDetailsElement",
  dialog: "HTMLDialogElement",
  div: "HTMLDivElement",
  form: "HTMLFormElement",
  i: "HTMLElement",
  input: "HTMLInputElement",
  label: "HTMLLabelElement",
  p: "HTMLParagraphElement",
  select: "HTMLSelectElement",
  span: "HTMLSpanElement",
  textarea: "HTMLTextAreaElement",
  ul: "HTMLUListElement",
};

/** @param {string} markup @returns {[name: string, kind: string][]} */
export function refsOf(markup) {
  return [...markup.matchAll(/<([a-z]+)\b[^>]*?\bdata-ref="(\w+)"/g)].map(([, tag, name]) => [
    name,
    /** @type {Record<string, string>} */ (KINDS)[tag] ?? "HTMLElement",
  ]);
}

export function declaration() {
  const markup = ["studio.html", "models/models.html", "queue/queue.html"]
    .map((name) => readFileSync(new URL(name, WEB), "utf8"))
    .join("\n");
  const rows = refsOf(markup)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, kind]) => `  ${name}: ${kind};`);
  return [
    "// Written by `node tests/web/refs-types.js`: change the markup, not this file.",
    "",
    "/** The elements of the page that modules know by name (`data-ref`). */",
    "export interface Refs {",
    ...rows,
    "}",
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(declaration());
