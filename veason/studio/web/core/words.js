// Times and how far something is, in words.

export const duration = (seconds) =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${(seconds / 60).toFixed(1)} min`;

// How far, in words: "40 % · 12 s left", without the seconds where they cannot be known yet.
export function farness(done, count, begun) {
  const left = ((performance.now() - begun) / 1000 / done) * (count - done);
  return `${Math.floor((done / count) * 100)} %${done && left >= 1 ? ` · ${duration(left)} left` : ""}`;
}
