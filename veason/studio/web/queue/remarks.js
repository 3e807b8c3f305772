// @ts-check
// Comments on questions, as the server keeps them.

/** @import { Scope } from "../core/types.js" */
/** @import { Queue } from "./queue.js" */

export class Remarks {
  #scope;
  #queue;

  /** @param {Scope} scope @param {Queue} queue */
  constructor(scope, queue) {
    this.#scope = scope;
    this.#queue = queue;
  }

  /** @param {number} question @param {number} frame @param {string} text */
  async comment(question, frame, text) {
    const sent = this.#queue.signed({ do: /** @type {const} */ ("remark"), question, frame, text });
    return this.#queue.checked(await this.#scope.server.act(sent)) !== null;
  }

  /** Close a comment, or open it again. @param {number} question @param {number} remark @param {boolean} on */
  async resolve(question, remark, on) {
    const sent = this.#queue.signed({ do: /** @type {const} */ ("resolve"), question, remark, on });
    this.#queue.checked(await this.#scope.server.act(sent));
  }

  /** The comments on a question and what reviewers say; null where they cannot be had. @param {number} question */
  async of(question) {
    return this.#queue.checked(await this.#scope.server.remarks(this.#queue.signed({ question })));
  }
}
