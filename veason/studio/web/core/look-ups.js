// @ts-check
// Look-ups of the server. Gradio gives nothing at all where a request fails on the way: here that is an error to tell.

/** @import { LookUps } from "../contract.js" */

const NO_ANSWER = "The server did not answer. What was not saved is not lost: try again.";

/**
 * The look-ups of a server, of which one without an answer is an error like any other.
 * @param {LookUps} server
 * @returns {LookUps}
 */
export const answering = (server) =>
  new Proxy(server, {
    get: (target, name) => {
      const lookUp = Reflect.get(target, name);
      return async (/** @type {object} */ request) => (await lookUp(request)) ?? { error: NO_ANSWER };
    },
  });
