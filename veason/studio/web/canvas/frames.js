// Exact frames by index, fetched on demand and kept as bitmaps within a budget.

const KEPT_BYTES = 256 * 1024 * 1024;
const MOST = 160;
const FEWEST = 8;
const AT_ONCE = 4;
const MOST_WAITING = 2;

export function makeFrames(server, state) {
  let kept = new Map();
  const waiting = new Map();
  const queue = [];
  let running = 0;

  // Decoded pictures take four bytes a pixel: 72 of them at 1280x720.
  function room() {
    const { info } = state.get();
    return Math.max(FEWEST, Math.min(MOST, Math.floor(KEPT_BYTES / (info.width * info.height * 4))));
  }

  async function load(work, index) {
    const reply = await server.frame({ work, frame: index });
    if (reply.error) throw new Error(reply.error);
    const picture = await createImageBitmap(await (await fetch(reply.jpeg)).blob());
    if (state.get().work === work) {
      kept.set(index, picture);
      for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - room()))) {
        kept.get(old).close();
        kept.delete(old);
      }
    }
    return picture;
  }

  // A few at a time, the one asked for last first; of those that have to wait, the oldest are given up: who drags the
  // slider has long left them behind.
  function next() {
    while (running < AT_ONCE && queue.length) {
      const { work, index, done, failed } = queue.pop();
      running += 1;
      load(work, index)
        .then(done, failed)
        .finally(() => {
          running -= 1;
          waiting.delete(index);
          next();
        });
    }
    while (queue.length > MOST_WAITING) {
      const { index, done } = queue.shift();
      waiting.delete(index);
      done(null);
    }
  }

  return {
    peek(index) {
      const picture = kept.get(index);
      if (picture) {
        kept.delete(index);
        kept.set(index, picture); // now the youngest
      }
      return picture;
    },
    // The picture of a frame, null where so many others were asked for since that it was given up.
    get(index) {
      const ready = this.peek(index);
      if (ready) return Promise.resolve(ready);
      if (!waiting.has(index)) {
        const { work } = state.get();
        waiting.set(index, new Promise((done, failed) => queue.push({ work, index, done, failed })));
        next();
      }
      return waiting.get(index);
    },
    // Fetch the frames around the playhead: more of them the way it goes, some behind it.
    prefetch(frame, way, ahead = 5, behind = 2) {
      const { info } = state.get();
      if (!info) return;
      const places = Array.from({ length: ahead }, (_, number) => frame + way * (number + 1));
      for (let number = 1; number <= behind; number += 1) places.push(frame - way * number);
      for (const index of places) {
        if (index < 0 || index >= info.frames || kept.has(index) || waiting.has(index) || running >= AT_ONCE - 1)
          continue; // one place stays free
        this.get(index).catch(() => {}); // who comes to this frame asks again, and is told
      }
    },
    forget() {
      for (const picture of kept.values()) picture.close();
      kept = new Map();
      waiting.clear();
      for (const { done } of queue.splice(0)) done(null);
    },
  };
}
