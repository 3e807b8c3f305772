// @ts-check
// What the page asks of the server, and the state that its address holds.

/**
 * @typedef {{
 *   run: string, other: string, query: string, sort: string, descending: string, brush: string, panel: string,
 *   key: string,
 * }} Place
 * @typedef {{ name: string, meaning: string }} Named
 */

/** @type {(keyof Place)[]} */
const NAMES = ["run", "other", "query", "sort", "descending", "brush", "panel", "key"];

/** The place that an address tells of; what it does not tell is "".
 * @param {string} hash
 * @returns {Place}
 */
export function readPlace(hash) {
  const told = new URLSearchParams(hash.replace(/^#/, ""));
  return /** @type {Place} */ (Object.fromEntries(NAMES.map((name) => [name, told.get(name) ?? ""])));
}

/** The part of an address that tells of a place.
 * @param {Place} place
 */
export function writePlace(place) {
  const told = NAMES.filter((name) => place[name]).map((name) => [name, place[name]]);
  return `#${new URLSearchParams(told)}`;
}

/** Ask for something; what is refused comes as an error with the server's words.
 * @param {string} name
 * @param {Record<string, string | number>} params
 */
export async function ask(name, params = {}) {
  return receive(await fetch(`api/${name}?${parameters(params)}`));
}

/** Send a change.
 * @param {string} name
 * @param {Record<string, string>} body
 */
export async function send(name, body) {
  const headers = { "content-type": "application/json" };
  return receive(await fetch(`api/${name}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

/** The address of something that is no JSON.
 * @param {string} name
 * @param {Record<string, string | number>} params
 */
export function address(name, params) {
  return `api/${name}?${parameters(params)}`;
}

/** The address of a picture of a case.
 * @param {string} run
 * @param {string} key
 * @param {number} width
 * @param {Record<string, string | number>} [wanted] frame, layer and boxes, each where it is not the usual one
 */
export function pictureAddress(run, key, width, wanted = {}) {
  return address("picture", { run, key, width, ...wanted });
}

/** @param {Record<string, string | number>} params */
function parameters(params) {
  const told = Object.entries(params).filter(([, value]) => value !== "");
  return new URLSearchParams(told.map(([name, value]) => [name, String(value)]));
}

/** @param {Response} response */
async function receive(response) {
  const answer = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
