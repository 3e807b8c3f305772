// What a visitor chose, kept in the browser. Inside some iframes there is no storage: then it lasts for the page.

const kept = new Map();

export function recallPref(name, otherwise) {
  try {
    const text = localStorage.getItem(`veason.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return kept.get(name) ?? otherwise;
  }
}

export function keepPref(name, value) {
  kept.set(name, value);
  try {
    localStorage.setItem(`veason.${name}`, JSON.stringify(value));
  } catch {
    // no storage here: the page remembers
  }
}
