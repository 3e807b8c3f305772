// The filmstrip: the frames the policy is shown, by absolute index; the keyframe lights up.

import { node } from "../core/dom.js";

export function makeFilm(refs, scope, state, player) {
  const pictures = new Map();

  async function fill(cell, work, frame) {
    const key = `${work}/${frame}`;
    if (!pictures.has(key)) {
      const reply = await scope.server.frame({ work, frame, longest: 240 });
      if (!reply.jpeg) return;
      pictures.set(key, reply.jpeg);
    }
    cell.style.backgroundImage = `url("${pictures.get(key)}")`;
  }

  const others = ({ proposals }) =>
    proposals.filter(({ current, absent, frame }) => !current && !absent && frame !== null);

  function cells(now) {
    const named = [now.keyframe, ...others(now).map(({ frame }) => frame)].filter((frame) => frame !== null);
    return [...new Set([...now.shown, ...named])].sort((a, b) => a - b);
  }

  function build() {
    const now = state.get();
    if (!now.work) return;
    refs.film.replaceChildren(
      ...cells(now).map((frame) => {
        const cell = node(
          "button",
          { type: "button", class: "v-cell", "data-frame": frame, onclick: () => player.go(frame) },
          node("span", {}, String(frame)),
        );
        fill(cell, now.work, frame);
        return cell;
      }),
    );
    mark(now);
  }

  function mark(now) {
    const { frame, keyframe, lit } = now;
    for (const cell of refs.film.children) {
      const own = Number(cell.dataset.frame);
      const isKeyframe = own === keyframe;
      cell.classList.toggle("v-keyframe", isKeyframe);
      cell.classList.toggle("v-seen", own === lit?.frame);
      const chosen = others(now)
        .filter((answer) => answer.frame === own && own !== keyframe)
        .map(({ number }) => number + 1);
      cell.classList.toggle("v-other", chosen.length > 0);
      const told = isKeyframe ? ", keyframe" : chosen.length ? `, chosen by answer ${chosen.join(" and ")}` : "";
      cell.setAttribute("aria-label", `Frame ${own}${told}`);
      cell.title = chosen.length ? `Answer ${chosen.join(", ")} chose this frame` : "";
      cell.setAttribute("aria-current", String(own === frame));
    }
  }

  let built = "";
  state.on(["shown", "keyframe", "work", "proposals"], (now) => {
    const key = `${now.work}:${cells(now).join()}`;
    if (key !== built) {
      built = key;
      build();
    } else mark(now);
  });
  state.on(["frame", "lit"], mark);
}
