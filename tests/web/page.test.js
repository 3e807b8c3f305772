// @ts-check
// The page holds together: its names, its folders, its files.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import path from "node:path";

import { WEB, declaration } from "./refs-types.js";

const ROOT = fileURLToPath(WEB);
const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" });
const modules = files.filter((name) => name.endsWith(".js"));
/** @param {string} name */
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");

test("the type of the page's elements is that of its markup", () => {
  assert.equal(read("core/refs.d.ts"), declaration(), "write it anew: node tests/web/refs-types.js");
});

test("no two elements of the page have one name", () => {
  const names = files
    .filter((name) => name.endsWith(".html"))
    .flatMap((name) => {
      return [...read(name).matchAll(/data-ref="(\w+)"/g)].map(([, ref]) => ref);
    });
  assert.deepEqual(
    names.filter((name, place) => names.indexOf(name) !== place),
    [],
  );
});

test("every module is checked by types", () => {
  assert.deepEqual(
    modules.filter((name) => !read(name).startsWith("// @ts-check\n")),
    [],
  );
});

test("folders import one way, and only files that are there", () => {
  /** @type {Map<string, Set<string>>} */
  const wants = new Map();
  for (const name of modules) {
    for (const [, from] of read(name).matchAll(/^(?:import|\} from).*?"(\.[^"]+)";$/gm)) {
      const target = path.normalize(path.join(path.dirname(name), from));
      assert.ok(modules.includes(target), `${name} imports ${target}, which is not there`);
      const [here, there] = [path.dirname(name), path.dirname(target)];
      if (here !== there) wants.set(here, (wants.get(here) ?? new Set()).add(there));
    }
  }
  const done = new Set();
  /** @param {string} folder @param {string[]} way */
  const visit = (folder, way) => {
    assert.ok(!way.includes(folder), `a circle: ${[...way, folder].join(" -> ")}`);
    if (done.has(folder)) return;
    for (const next of wants.get(folder) ?? []) visit(next, [...way, folder]);
    done.add(folder);
  };
  for (const folder of wants.keys()) visit(folder, []);
});

test("every style sheet is one that the server sends", () => {
  const server = fileURLToPath(new URL("../server/", WEB));
  const text = readdirSync(server)
    .filter((name) => name.endsWith(".py"))
    .map((name) => readFileSync(path.join(server, name), "utf8"))
    .join("\n");
  const sheets = files.filter((name) => name.endsWith(".css"));
  assert.deepEqual(
    sheets.filter((name) => !text.includes(`"${name.replace(/\.css$/, "")}"`)),
    [],
  );
});
