// Compressed COCO run-length code -> runs -> coloured pixels. Runs go down the columns and begin with zeros.

export function decodeRuns(counts) {
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const code = counts.charCodeAt(at) - 48;
      value |= (code & 0x1f) << shift;
      shift += 5;
      more = (code & 0x20) !== 0;
      if (!more && (code & 0x10) !== 0) value |= -1 << shift;
      at += 1;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

// Lay the mask over `pixels` (a Uint32Array of width * height, ABGR): fill inside, a solid line at its edge.
export function paintMask(counts, width, height, pixels, [red, green, blue], opacity) {
  const inside = new Uint8Array(width * height);
  const fill = (Math.round(opacity * 255) << 24) | (blue << 16) | (green << 8) | red;
  const line = (255 << 24) | (blue << 16) | (green << 8) | red;
  let place = 0;
  decodeRuns(counts).forEach((run, number) => {
    if (number % 2 === 1) {
      for (let end = place + run; place < end; place += 1) {
        inside[(place % height) * width + Math.floor(place / height)] = 1;
      }
    } else {
      place += run;
    }
  });
  const reach = Math.max(1, Math.round(width / 640));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      if (!inside[at]) continue;
      const isEdge = x < reach || y < reach || x >= width - reach || y >= height - reach
        || !inside[at - reach] || !inside[at + reach] || !inside[at - reach * width] || !inside[at + reach * width];
      pixels[at] = isEdge ? line : fill;
    }
  }
}

export function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
