// @ts-check
// What a visitor chose, kept in the browser. Inside some iframes there is no storage: then it lasts for the page.

/** @type {Map<string, any>} */
const kept = new Map();

/**
 * What is kept under a name, `otherwise` where nothing is.
 * @template Value
 * @param {string} name
 * @param {Value} otherwise
 * @returns {Value}
 */
export function recallPref(name, otherwise) {
  try {
    const text = localStorage.getItem(`veason.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return kept.get(name) ?? otherwise;
  }
}

/** @param {string} name @param {unknown} value */
export function keepPref(name, value) {
  kept.set(name, value);
  try {
    localStorage.setItem(`veason.${name}`, JSON.stringify(value));
  } catch {
    // no storage here: the page remembers
  }
}
