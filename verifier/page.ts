import type { Opinion } from "../lib/engine/examine.ts";
import { chosenFiles, droppedFiles, type Named } from "./dropped.ts";
import { startWork, type Told } from "./work.ts";

const byId = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found as T;
};

/** The worker runs this same script: a page on disk may not load another. */
const urlOf = (source: string): string => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));

const titleOf = ({ good, isOwnKey }: Opinion): string => {
  if (!good) return "Not verified";
  return isOwnKey ? "Verified, but only under its own key" : "Verified under your key";
};

type View = {
  readonly begin: (files: number) => void;
  readonly show: (told: Told) => void;
};

const view = (): View => {
  const [progress, verdict, lines] = [byId<HTMLProgressElement>("progress"), byId("verdict"), byId("lines")];
  const settle = (title: string, kind: string, texts: readonly string[]) => {
    progress.hidden = true;
    verdict.textContent = title;
    verdict.className = kind;
    lines.hidden = texts.length === 0;
    lines.textContent = texts.join("\n");
  };
  return {
    begin: (files) => {
      settle("Verifying…", "", []);
      progress.hidden = false;
      progress.max = files;
      progress.value = 0;
    },
    show: (told) => {
      if ("read" in told) progress.value = Math.min(told.read, progress.max);
      else if ("problem" in told) settle("Nothing was verified", "bad", [told.problem]);
      else settle(titleOf(told), told.good ? "good" : "bad", told.lines);
    },
  };
};

const startPage = (source: string): void => {
  const { begin, show } = view();
  const url = urlOf(source);
  const key = byId<HTMLTextAreaElement>("vkey");
  let files: readonly Named[] = [];
  let worker: Worker | undefined;
  const verify = (given: readonly Named[]): void => {
    files = given;
    worker?.terminate();
    if (files.length === 0) {
      show({ problem: "Choose a folder or a proof first." });
      return;
    }
    begin(files.length);
    worker = new Worker(url);
    worker.onmessage = ({ data }: MessageEvent<Told>) => show(data);
    worker.onerror = ({ message }) => show({ problem: message });
    worker.postMessage({ files, vkey: key.value.trim() });
  };
  for (const id of ["folder", "proof"]) {
    const input = byId<HTMLInputElement>(id);
    input.addEventListener("change", () => input.files && verify(chosenFiles(input.files)));
  }
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    verify(files);
  });
  const drop = byId("drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    droppedFiles(event.dataTransfer?.items ?? []).then(verify, ({ message }: Error) =>
      show({ problem: `What was dropped cannot be read (${message}): choose it instead.` }),
    );
  });
};

if ("document" in globalThis) startPage(document.currentScript?.textContent ?? "");
else startWork();
