// @ts-check
// Which frame is shown beside another one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { frameBeside } from "../../veason/studio/web/canvas/second.js";

test("a neighbour goes along and stays in the clip, a pinned frame stays", () => {
  assert.equal(frameBeside({ by: -1 }, 7, 20), 6);
  assert.equal(frameBeside({ by: -1 }, 0, 20), 0);
  assert.equal(frameBeside({ by: 10 }, 15, 20), 19);
  assert.equal(frameBeside({ pinned: 3 }, 15, 20), 3);
});
