// Exact frames by index, fetched on demand and kept as bitmaps within a budget.

const KEPT_BYTES = 256 * 1024 * 1024;
const MOST = 160;
const FEWEST = 8;

export function makeFrames(server, state) {
  let kept = new Map();
  const waiting = new Map();

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

  return {
    peek(index) {
      const picture = kept.get(index);
      if (picture) {
        kept.delete(index);
        kept.set(index, picture); // now the youngest
      }
      return picture;
    },
    get(index) {
      const ready = this.peek(index);
      if (ready) return Promise.resolve(ready);
      if (!waiting.has(index)) {
        waiting.set(index, load(state.get().work, index).finally(() => waiting.delete(index)));
      }
      return waiting.get(index);
    },
    prefetch(from, count) {
      const { info } = state.get();
      if (!info) return;
      for (let index = from; index < Math.min(from + count, info.frames); index += 1) {
        if (!kept.has(index) && !waiting.has(index) && waiting.size < 4) this.get(index).catch(() => {});
      }
    },
    forget() {
      for (const picture of kept.values()) picture.close();
      kept = new Map();
      waiting.clear();
    },
  };
}
