// @ts-check
// Small pictures of the clips, fetched when they come into sight.

/** @import { ErrorReply, PictureReply } from "../contract.js" */

export class Thumbs {
  #fetch;
  /** @type {Map<number, Promise<PictureReply | ErrorReply>>} */
  #pictures = new Map();
  /** The video of each place that waits. @type {WeakMap<Element, number>} */
  #videos = new WeakMap();
  #watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) this.#fill(target);
  });

  /** @param {(video: number) => Promise<PictureReply | ErrorReply>} fetchThumb */
  constructor(fetchThumb) {
    this.#fetch = fetchThumb;
  }

  /** Show a video's picture in a place. @param {number} video @param {HTMLElement} place */
  show = (video, place) => {
    this.#videos.set(place, video);
    if (this.#pictures.has(video)) this.#fill(place);
    else this.#watcher.observe(place);
  };

  /** @param {Element} place */
  async #fill(place) {
    this.#watcher.unobserve(place);
    const video = this.#videos.get(place);
    if (video === undefined) return;
    const picture = this.#pictures.get(video) ?? this.#fetch(video);
    this.#pictures.set(video, picture);
    const told = await picture;
    if (told.error === undefined) /** @type {HTMLElement} */ (place).style.backgroundImage = `url(${told.jpeg})`;
  }
}
