// @ts-check
// Uploads that tell how far they are, which gradio's own helper does not.

import { farness } from "./words.js";

/**
 * Send a file. Gives the place where the server keeps it.
 * @param {File} file
 * @param {(share: number, told: string) => void} tell hears how far it is
 * @returns {Promise<string>}
 */
export function upload(file, tell) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const begun = performance.now();
    request.open("POST", new URL("gradio_api/upload", document.baseURI));
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (total) tell(loaded / total, farness(loaded, total, begun));
    });
    request.addEventListener("load", () => {
      if (request.status === 200) done(JSON.parse(request.responseText)[0]);
      else failed(new Error(refusal(request.status)));
    });
    request.addEventListener("error", () => failed(new Error("the connection broke")));
    const form = new FormData();
    form.append("files", file);
    request.send(form);
  });
}

/** @param {number} status */
const refusal = (status) =>
  status === 413
    ? "the server takes no file of this size"
    : status === 507
      ? "the server has no room for uploads at the moment: try again later"
      : `the server answered ${status}`;
