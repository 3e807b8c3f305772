// @ts-check
// The dialog of the models: choose, fetch, connect a server, test it. The page polls while something is under way.

/** @import { CancelModelWork, ChooseModel, ConnectServer, ListModels } from "../contract.js" */
/** @import { ErrorReply, ModelPart, ModelRowPart, ModelsReply, ModelWorkPart } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Notify, Scope } from "../core/types.js" */

import { bindClosing, button, node } from "../core/dom.js";
import { fileSize } from "../core/words.js";

/** @typedef {ListModels | ChooseModel | ConnectServer | CancelModelWork} Wanted */

const POLL_MS = 400;
/** @type {Record<ModelRowPart["kind"], string>} */
const ABOUT = {
  policy: "reads the instruction, picks the keyframe and boxes the target",
  segmenter: "turns boxes and clicks into masks and follows them",
};

/** What is being done, in a line. @param {ModelWorkPart} work */
export function workText({ what, name, done, total }) {
  if (what === "fetching")
    return total ? `Fetching ${name}: ${fileSize(done)} of ${fileSize(total)}` : `Asking about ${name} …`;
  return what === "loading" ? `Loading ${name} …` : `Asking ${name} an example …`;
}

/** What is told of a model under its name. @param {ModelRowPart} row */
export function rowParts({ here, memory, speed, licence }) {
  return [here, memory ? `${memory} of memory` : "", speed, `licence: ${licence}`].filter(Boolean);
}

export class Models {
  #refs;
  #scope;
  #notify;
  #changed;
  /** @type {ModelsReply | null} */
  #told = null;
  /** @type {ModelRowPart["kind"]} */
  #kind = "policy";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #polling;

  /**
   * @param {Refs} refs
   * @param {Scope} scope
   * @param {Notify} notify
   * @param {(now: ModelPart) => void} changed the models in use are others now
   */
  constructor(refs, scope, notify, changed) {
    this.#refs = refs;
    this.#scope = scope;
    this.#notify = notify;
    this.#changed = changed;
    bindClosing(refs.modelsDialog);
    refs.policy.addEventListener("click", () => this.open("policy"));
    refs.segmenter.addEventListener("click", () => this.open("segmenter"));
    refs.showPolicies.addEventListener("click", () => this.#show("policy"));
    refs.showSegmenters.addEventListener("click", () => this.#show("segmenter"));
    refs.modelCancel.addEventListener("click", () => this.#do({ do: "cancel" }));
    refs.serverTest.addEventListener("click", () => {
      if (refs.serverForm.reportValidity()) this.#do({ do: "test", ...this.#server() });
    });
    refs.serverForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do({ do: "connect", ...this.#server() });
    });
  }

  /** Ask which models are in use: others may have been chosen since the page was built. */
  async begin() {
    const told = await this.#scope.server.models({ do: "now" });
    if (told.error === undefined) this.#changed(told.now);
  }

  /** @param {ModelRowPart["kind"]} kind */
  open = async (kind) => {
    this.#refs.modelsDialog.showModal();
    this.#show(kind);
    await this.#list();
  };

  #server() {
    const { serverAddress, serverModel, serverKey } = this.#refs;
    return { address: serverAddress.value.trim(), model: serverModel.value.trim(), key: serverKey.value };
  }

  async #list() {
    this.#take(await this.#scope.server.models({ do: "list" }));
  }

  /** @param {Wanted} request */
  async #do(request) {
    const ask = /** @type {(request: Wanted) => Promise<ModelsReply | ErrorReply>} */ (this.#scope.server.models);
    const told = await ask(request);
    if (told.error !== undefined) this.#notify(told.error);
    else if (told.work) this.#take({ ...told, rows: this.#told?.rows ?? [], machine: this.#told?.machine ?? "" });
    else await this.#list(); // it has ended already, and changed what is here or in use
  }

  /** @param {ModelsReply | { error: string }} told */
  #take(told) {
    if (told.error !== undefined) {
      this.#notify(told.error);
      return;
    }
    this.#told = told;
    this.#changed(told.now);
    this.#draw(told);
    clearTimeout(this.#polling);
    if (told.work) this.#polling = setTimeout(() => this.#poll(), POLL_MS);
  }

  async #poll() {
    const told = await this.#scope.server.models({ do: "now" });
    if (told.error === undefined && told.work) this.#do({ do: "now" });
    else await this.#list();
  }

  /** @param {ModelRowPart["kind"]} kind */
  #show(kind) {
    this.#kind = kind;
    if (this.#told) this.#draw(this.#told);
  }

  /** @param {ModelsReply} told */
  #draw({ now, machine, rows, work, told, failed }) {
    const refs = this.#refs;
    refs.modelsLocked.hidden = !now.isLocked;
    refs.modelsOpen.hidden = now.isLocked;
    refs.modelsLocked.textContent = `This server runs the policy “${now.policy}” and the segmenter “${now.segmenter}”. They are chosen by whoever runs it. On your own machine (veason serve) you choose.`;
    refs.modelsMachine.textContent = machine;
    refs.showPolicies.setAttribute("aria-pressed", String(this.#kind === "policy"));
    refs.showSegmenters.setAttribute("aria-pressed", String(this.#kind === "segmenter"));
    refs.modelKindAbout.textContent = ABOUT[this.#kind];
    refs.serverForm.hidden = this.#kind !== "policy";
    refs.modelWork.hidden = !work;
    if (work) this.#drawWork(work);
    refs.modelTold.hidden = !told;
    refs.modelTold.textContent = told;
    refs.modelTold.dataset.failed = String(failed);
    refs.serverTest.disabled = refs.serverConnect.disabled = work !== null;
    const shown = rows.filter(({ kind }) => kind === this.#kind);
    refs.modelRows.replaceChildren(...shown.map((row) => this.#row(row, work !== null)));
  }

  /** @param {ModelWorkPart} work */
  #drawWork(work) {
    const { modelWorkText, modelMeter, modelMeterBar, modelCancel } = this.#refs;
    modelWorkText.textContent = workText(work);
    modelMeter.classList.toggle("v-busy", !work.total);
    modelMeterBar.style.width = work.total ? `${(100 * work.done) / work.total}%` : "";
    modelCancel.hidden = work.what === "loading";
  }

  /** @param {ModelRowPart} row @param {boolean} isBusy */
  #row(row, isBusy) {
    const fits = node("span", { "data-fit": row.fit }, row.fits);
    const more = rowParts(row).flatMap((text) => [" · ", text]);
    return node(
      "li",
      {},
      node("div", {}, node("b", {}, row.name), node("span", { class: "v-dim" }, row.about)),
      row.inUse ? node("span", { class: "v-inuse" }, "in use") : this.#act(row, isBusy),
      node("p", {}, fits, ...more),
    );
  }

  /** @param {ModelRowPart} row @param {boolean} isBusy */
  #act({ kind, name, isHere, isPart }, isBusy) {
    const verb = isHere ? "Use" : isPart ? "Go on fetching" : "Fetch";
    const onclick = () => this.#do({ do: isHere ? "choose" : "fetch", kind, name });
    const made = button({ class: "v-btn v-ghost", "aria-label": `${verb} ${name}`, onclick }, verb);
    made.disabled = isBusy;
    return made;
  }
}
