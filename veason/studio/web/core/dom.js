// @ts-check
// Making elements of the page.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {(event: any) => void} Listener */
/** @typedef {Record<string, string | number | null | undefined | Listener>} Attributes */

/**
 * Make an element. Names that begin with "on" are listened to; null leaves an attribute out.
 * Strings become text nodes: what a model or a file name says is never markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/**
 * A button that submits nothing.
 * @param {Attributes} attributes
 * @param {...(Node | string)} children
 */
export const button = (attributes, ...children) => node("button", { type: "button", ...attributes }, ...children);

/**
 * @param {string} kind
 * @param {Record<string, string | number>} attributes
 */
export function svg(kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** A sign drawn by one path on a field of 24 by 24. @param {string} path */
export function icon(path) {
  const drawing = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  drawing.append(svg("path", { d: path }));
  return drawing;
}

/** The drawing context of a canvas. @param {HTMLCanvasElement} canvas */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws on no canvas");
  return context;
}

/** Screen pixels a CSS pixel. */
export const pixelRatio = () => window.devicePixelRatio || 1;

/**
 * What an event happened on, if it is an element.
 * @param {Event} event
 * @returns {Element | null}
 */
export const targetOf = (event) => (event.target instanceof Element ? event.target : null);

/** A dialog closes by its own button, and by a press beside it. @param {HTMLDialogElement} dialog */
export function bindClosing(dialog) {
  dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

/**
 * A place where files can be dropped.
 * @param {HTMLElement} place
 * @param {(files: FileList | undefined) => void} take
 */
export function bindDrop(place, take) {
  for (const name of ["dragover", "dragenter"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.add("v-over");
    });
  }
  for (const name of ["dragleave", "drop"]) place.addEventListener(name, () => place.classList.remove("v-over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files);
  });
}
