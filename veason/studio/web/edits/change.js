// @ts-check
// Sending edits, and letting the masks follow: at once after a drag, a moment after the last key or brush stroke; not
// where something was asked meanwhile, which has seen the edit.

/** @import { Messages } from "../core/messages.js" */
/** @import { Edit } from "../core/types.js" */

export class Changes {
  #messages;
  /** @type {((edit: number) => void) | null} */
  #follow = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #last = 0;

  /** @param {Messages} messages */
  constructor(messages) {
    this.#messages = messages;
  }

  /** What asks for masks after an edit, by its stamp. @param {(edit: number) => void} act */
  onFollow(act) {
    this.#follow = act;
  }

  /**
   * Send an edit that masks follow; it stops what runs, which would not fit any more.
   * The request for masks names the edit it has to wait for, so that it need not wait for the edit's answer here.
   * @param {Edit} edit
   * @param {number | null} wait milliseconds after which the masks follow, null is never
   */
  change(edit, wait = null) {
    clearTimeout(this.#timer);
    this.#last = Math.max(this.#last + 1, Date.now());
    this.#messages.sendEdit({ ...edit, stamp: this.#last });
    const stamp = this.#last;
    const { asked } = this.#messages;
    const follow = () => {
      if (this.#messages.asked === asked) this.#follow?.(stamp);
    };
    if (wait === 0) follow();
    else if (wait !== null) this.#timer = setTimeout(follow, wait);
  }

  /**
   * Send an edit that changes no mask (a name, a lock, a mark): what runs goes on, and respects it.
   * @param {Edit} edit
   */
  note(edit) {
    this.#messages.sendEdit(edit);
  }
}
