/** The progress of a pull: bars that are redrawn in place on a terminal, a line for each change elsewhere, or JSON lines. */
import type { PullEvent } from "../../engine/images/pull.ts";
import { isTerminal, terminalSize } from "../../engine/terminal.ts";
import { writeStream } from "../output/write.ts";
import { type LayerEvent, type LayerLine, layerLine, PHASE_WORDS, shortDigest, visibleLayers } from "./layer-lines.ts";

export type ProgressMode = "auto" | "plain" | "tty" | "json" | "quiet";
export const PROGRESS_MODES: readonly ProgressMode[] = ["auto", "plain", "tty", "json", "quiet"];

export type Listener = (event: PullEvent) => void;

/** Milliseconds between two drawings, and between two JSON lines about one layer. */
const PAUSE = 100;

/** A listener that writes to standard output (1) or standard error (2). A failed mirror is always told on standard error. */
export function pullProgress(mode: ProgressMode, fd: 1 | 2): Listener {
  const write = (text: string): void => writeStream(fd, Buffer.from(text));
  const show = listeners[mode === "auto" ? (isTerminal(fd) ? "tty" : "plain") : mode](write, fd);
  return (event) => {
    if (event.type === "mirror-failed") writeStream(2, Buffer.from(`registry mirror ${event.url} failed: ${event.reason}\n`));
    else show(event);
  };
}

type Maker = (write: (text: string) => void, fd: 1 | 2) => Listener;

const listeners: Readonly<Record<Exclude<ProgressMode, "auto">, Maker>> = {
  quiet: () => () => undefined,
  plain: plainListener,
  tty: terminalListener,
  json: jsonListener,
};

/** The lines that all forms but JSON have in common; undefined for a layer's. */
function headline(event: PullEvent): string | undefined {
  switch (event.type) {
    case "missing":
      return `Unable to find image '${event.name}' locally`;
    case "pulling":
      return `${event.reference.digest ?? event.reference.tag ?? "latest"}: Pulling from ${event.reference.path}`;
    case "digest":
      return `Digest: ${event.digest}`;
    case "pulled":
      return `Status: ${statusWords(event)}`;
    default:
      return undefined;
  }
}

const statusWords = ({ upToDate, name }: Extract<PullEvent, { type: "pulled" }>): string =>
  upToDate ? `Image is up to date for ${name}` : `Downloaded newer image for ${name}`;

/** For logs: a line when a layer enters a phase that matters. */
function plainListener(write: (text: string) => void): Listener {
  const told = new Map<string, string>();
  return (event) => {
    const line = headline(event);
    if (line !== undefined) write(`${line}\n`);
    if (event.type !== "layer") return;
    for (const words of plainWords(event, told.get(event.digest))) {
      told.set(event.digest, words);
      write(`${shortDigest(event.digest)}: ${words}\n`);
    }
  };
}

/** A layer that waits may turn out to be there already: it is only told of once that is known. */
function plainWords({ phase, current, total }: LayerEvent, before: string | undefined): string[] {
  if (phase === "waiting") return [];
  const first = before === undefined && phase !== "exists" ? ["Pulling fs layer"] : [];
  if (phase === "downloading") return [...first, ...(current === total && before !== "Download complete" ? ["Download complete"] : [])];
  if (phase === "extracting") return first;
  return before === PHASE_WORDS[phase] ? [] : [...first, PHASE_WORDS[phase]];
}

function terminalListener(write: (text: string) => void, fd: 1 | 2): Listener {
  const layers = new Map<string, LayerLine>();
  let drawn = 0;
  let last = 0;
  const draw = (): void => {
    const { columns, rows } = terminalSize(fd) ?? { columns: 80, rows: 24 };
    const lines = visibleLayers(layers, rows).map(([digest, line]) => `\x1b[2K${layerLine(digest, line, columns)}\n`);
    write(`${drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ""}${lines.join("")}`);
    drawn = lines.length;
    last = performance.now();
  };
  return (event) => {
    if (event.type === "layer") {
      const isNew = layers.get(event.digest)?.phase !== event.phase;
      layers.set(event.digest, event);
      if (isNew || performance.now() - last > PAUSE) draw();
      return;
    }
    if (layers.size > 0) draw();
    layers.clear();
    drawn = 0;
    write(`${headline(event)}\n`);
  };
}

/** The messages of Docker's API (`POST /images/create`), a JSON object a line. */
function jsonListener(write: (text: string) => void): Listener {
  const last = new Map<string, { phase: string; time: number }>();
  const line = (message: object): void => write(`${JSON.stringify(message)}\n`);
  return (event) => {
    if (event.type === "pulling")
      line({ status: `Pulling from ${event.reference.path}`, id: event.reference.digest ?? event.reference.tag ?? "latest" });
    if (event.type === "digest") line({ status: `Digest: ${event.digest}` });
    if (event.type === "pulled") line({ status: `Status: ${statusWords(event)}` });
    if (event.type !== "layer") return;
    const { digest, phase, current, total } = event;
    const before = last.get(digest);
    const now = performance.now();
    if (before?.phase === phase && now - before.time < PAUSE && current !== total) return;
    last.set(digest, { phase, time: now });
    const isMoving = phase === "downloading" || phase === "extracting";
    line({ status: PHASE_WORDS[phase], progressDetail: isMoving ? { current, total } : {}, id: shortDigest(digest) });
  };
}
