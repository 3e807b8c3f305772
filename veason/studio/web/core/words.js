// @ts-check
// Times, sizes and how far something is, in words.

/** @import { About } from "../contract.js" */

/** @param {number} seconds */
export const duration = (seconds) =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${(seconds / 60).toFixed(1)} min`;

/**
 * The GPU time that propagating requests on a ZeroGPU Space, null elsewhere.
 * @param {number} seconds that it is expected to take
 * @param {About["zeroGpu"]} zeroGpu
 */
export const gpuSeconds = (seconds, zeroGpu) =>
  zeroGpu && Math.min(zeroGpu.max, Math.ceil(zeroGpu.startup + zeroGpu.factor * seconds));

/** @param {number} bytes */
export const fileSize = (bytes) => {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
};

/** Time at work, in its largest unit. @param {number} seconds */
export function time(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/**
 * The seconds that are left, by the pace so far.
 * @param {number} done
 * @param {number} count
 * @param {number} begun as `performance.now` told it
 */
export const secondsLeft = (done, count, begun) => ((performance.now() - begun) / 1000 / done) * (count - done);

/**
 * How far, in words: "40 % · 12 s left", without the seconds where they cannot be known yet.
 * @param {number} done
 * @param {number} count
 * @param {number} begun as `performance.now` told it
 */
export function farness(done, count, begun) {
  const left = secondsLeft(done, count, begun);
  return `${Math.floor((done / count) * 100)} %${done && left >= 1 ? ` · ${duration(left)} left` : ""}`;
}

/**
 * Where a request stands in the line for the models.
 * @param {number} ahead
 * @param {number | null} seconds
 */
export function inLine(ahead, seconds) {
  const when = seconds === null ? "" : ` · about ${duration(seconds)}`;
  return ahead ? `${ahead} before yours${when}` : "waiting for the models …";
}

/** "1 edit", "2 edits". @param {number} number @param {string} what */
export const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

/** What an error says. @param {unknown} error */
export const textOf = (error) => (error instanceof Error ? error.message : String(error));
