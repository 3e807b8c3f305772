// The commands that keys can give, and which keys give them in three presets (CVAT is the default).

export const COMMANDS = [
  [
    "Video",
    [
      ["play", "Play or pause"],
      ["prev", "Previous frame"],
      ["next", "Next frame"],
      ["back", "10 frames back"],
      ["ahead", "10 frames ahead"],
      ["first", "First frame"],
      ["last", "Last frame"],
      ["goto", "Go to a frame by number"],
      ["prevKey", "Previous frame with a box, click or painting"],
      ["nextKey", "Next frame with a box, click or painting"],
      ["prevDoubt", "Previous doubtful frame"],
      ["nextDoubt", "Next doubtful frame"],
      ["fit", "Fit the picture"],
      ["closer", "Zoom in"],
      ["farther", "Zoom out"],
    ],
  ],
  [
    "Object",
    [
      ["box", "Draw a new object"],
      ["finish", "Finish the polygon, or put a box"],
      ["corner", "Keys move the box, or one of its corners"],
      ["brush", "Brush"],
      ["eraser", "Eraser"],
      ["polygon", "Polygon"],
      ["smaller", "Smaller brush"],
      ["larger", "Larger brush"],
      ["nextObject", "Next object"],
      ["prevObject", "Previous object"],
      ["drop", "Delete what was drawn here"],
      ["copy", "Copy the box"],
      ["paste", "Paste it on this frame"],
      ["duplicate", "Duplicate the object"],
      ["merge", "Merge into another one, then 1 – 9"],
      ["verify", "Mask is right here (verified)"],
      ["verifyRange", "Right on the chosen frames"],
      ["absent", "Absent from here on, or back"],
      ["occluded", "Occluded here, or seen whole"],
      ["occludedRange", "Occluded on the chosen frames"],
    ],
  ],
  [
    "Work",
    [
      ["keyframe", "Make this frame the keyframe"],
      ["propagate", "Propagate"],
      ["forward", "Propagate forward from here"],
      ["backward", "Propagate backward from here"],
      ["stop", "Stop, or cancel"],
      ["save", "Save (everything is kept by itself)"],
      ["undo", "Undo"],
      ["redo", "Redo"],
      ["hide", "Hide or show the object"],
      ["solo", "Show only this object"],
      ["lock", "Lock or unlock the object"],
      ["rename", "Rename the object"],
      ["masks", "All masks on or off"],
      ["accept", "Accept, and open the next"],
      ["reject", "Reject, and open the next"],
      ["prevClip", "Previous in the queue"],
      ["nextClip", "Next in the queue"],
      ["remark", "Comment on this frame"],
      ["queue", "The queue"],
      ["help", "This sheet"],
    ],
  ],
];

const CVAT = {
  play: [" "],
  prev: ["ArrowLeft", "d"],
  next: ["ArrowRight", "f"],
  back: ["shift+ArrowLeft", "c"],
  ahead: ["shift+ArrowRight", "v"],
  first: ["Home"],
  last: ["End"],
  goto: ["g", "`"],
  prevKey: ["e"],
  nextKey: ["r"],
  prevDoubt: ["["],
  nextDoubt: ["]"],
  box: ["n"],
  finish: ["Enter"],
  corner: ["j"],
  brush: ["b"],
  eraser: ["x"],
  polygon: ["w"],
  smaller: ["{", ","],
  larger: ["}", "."],
  nextObject: ["Tab"],
  prevObject: ["shift+Tab"],
  drop: ["Delete", "Backspace"],
  copy: ["ctrl+c"],
  paste: ["ctrl+v"],
  duplicate: ["ctrl+d"],
  merge: ["m"],
  verify: ["y"],
  verifyRange: ["shift+y"],
  absent: ["o"],
  occluded: ["q"],
  occludedRange: ["shift+q"],
  hide: ["h"],
  solo: ["s"],
  lock: ["l"],
  rename: ["F2"],
  masks: ["t"],
  keyframe: ["k"],
  propagate: ["p"],
  forward: ["ctrl+b"],
  backward: ["ctrl+shift+b"],
  stop: ["Escape"],
  save: ["ctrl+s"],
  undo: ["ctrl+z"],
  redo: ["ctrl+shift+z", "ctrl+y"],
  fit: ["0"],
  closer: ["+", "="],
  farther: ["-"],
  help: ["?", "F1"],
  accept: ["ctrl+Enter"],
  reject: ["ctrl+Backspace"],
  prevClip: ["PageUp"],
  nextClip: ["PageDown"],
  remark: ["shift+m"],
  queue: ["i"],
};

export const PRESETS = {
  cvat: { title: "CVAT", keys: CVAT, nudge: "alt" },
  labelstudio: {
    title: "Label Studio",
    keys: {
      ...CVAT,
      play: ["alt+ ", " "],
      prev: ["alt+ArrowLeft", "ArrowLeft"],
      next: ["alt+ArrowRight", "ArrowRight"],
      back: ["alt+shift+ArrowLeft"],
      ahead: ["alt+shift+ArrowRight"],
      first: ["ctrl+alt+shift+ArrowLeft", "Home"],
      last: ["ctrl+alt+shift+ArrowRight", "End"],
      prevKey: ["ctrl+alt+ArrowLeft"],
      nextKey: ["ctrl+alt+ArrowRight"],
      smaller: ["["],
      larger: ["]"],
      prevDoubt: [","],
      nextDoubt: ["."],
      nextObject: ["alt+.", "Tab"],
      drop: ["Backspace", "Delete"],
      hide: ["alt+h"],
      lock: ["alt+l"],
    },
    nudge: "ctrl",
  },
  labelme: {
    title: "X-AnyLabeling, labelme",
    keys: {
      ...CVAT,
      prev: ["a", "ArrowLeft"],
      next: ["d", "ArrowRight"],
      back: ["shift+ArrowLeft"],
      ahead: ["shift+ArrowRight"],
      prevKey: [","],
      nextKey: ["."],
      box: ["r", "ctrl+r"],
      finish: ["f", "Enter"],
      polygon: ["p"],
      smaller: ["{"],
      larger: ["}"],
      hide: ["s"],
      masks: ["w", "t"],
      solo: ["u"],
      propagate: ["ctrl+b"],
      forward: ["ctrl+alt+b"],
      backward: ["ctrl+shift+b"],
      fit: ["ctrl+f", "0"],
      nextObject: ["Tab", "ctrl+shift+c"],
    },
    nudge: "alt",
  },
};

export const titleOf = (command) => COMMANDS.flatMap(([, rows]) => rows).find(([id]) => id === command)[1];

const SPOKEN = {
  " ": "Space",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Delete: "Del",
  Backspace: "⌫",
};

export function spoken(combo) {
  const parts = combo === "+" ? [] : combo.split("+").slice(0, -1);
  const key = combo.endsWith("+") ? "+" : combo.split("+").at(-1);
  return [
    ...parts.map((part) => part[0].toUpperCase() + part.slice(1)),
    SPOKEN[key] ?? (key.length === 1 ? key.toUpperCase() : key),
  ].join(" ");
}

// The name of a pressed key; null while only Ctrl, Alt or Shift is down. Signs such as ? name themselves, without Shift.
export function comboOf(event) {
  if (["Control", "Shift", "Alt", "Meta", "AltGraph"].includes(event.key)) return null;
  const isAltGr = event.getModifierState?.("AltGraph");
  const isSign = event.key.length === 1 && event.key !== " " && event.key.toLowerCase() === event.key.toUpperCase();
  const key =
    event.altKey && /^Key[A-Z]$/.test(event.code)
      ? event.code[3].toLowerCase()
      : event.key.length === 1
        ? event.key.toLowerCase()
        : event.key;
  const ctrl = (event.ctrlKey || event.metaKey) && !isAltGr ? "ctrl+" : "";
  return `${ctrl}${event.altKey && !isAltGr ? "alt+" : ""}${event.shiftKey && !isSign && key !== " " ? "shift+" : ""}${key}`;
}
