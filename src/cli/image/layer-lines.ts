/** What a pull shows of its layers, as text: pure, so that tests can read it. Words and units are Docker's. */
import type { PullEvent } from "../../engine/images/pull.ts";

export type LayerEvent = Extract<PullEvent, { type: "layer" }>;
export type LayerPhase = LayerEvent["phase"];

export interface LayerLine {
  readonly phase: LayerPhase;
  readonly current: number;
  readonly total: number;
}

export const PHASE_WORDS: Readonly<Record<LayerPhase, string>> = {
  waiting: "Waiting",
  exists: "Already exists",
  downloading: "Downloading",
  extracting: "Extracting",
  done: "Pull complete",
};

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes as Docker prints them: four digits, in powers of 1000: `1.292MB`. */
export function sizeWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}

/** Twelve hex digits, as in all of Docker's tables. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 12);

const WIDEST_BAR = 50;
/** Id, word and both sizes beside the bar. */
const BESIDE_BAR = 48;

/** `[====>    ]  1.2MB/3.4MB`, within `columns` with its line; without the bar where there is no room for one. */
export function progressBar({ current, total }: LayerLine, columns: number): string {
  if (total <= 0) return current > 0 ? sizeWords(current) : "";
  const width = Math.min(WIDEST_BAR, columns - BESIDE_BAR);
  const part = Math.min(1, current / total);
  const filled = Math.floor(part * width);
  const bar = `[${"=".repeat(Math.max(0, filled))}>${" ".repeat(Math.max(0, width - filled))}]`;
  const numbers = `${sizeWords(current).padStart(8)}/${sizeWords(total)}`;
  return width < 5 ? numbers : `${bar} ${numbers}`;
}

export function layerLine(digest: string, line: LayerLine, columns: number): string {
  const moving = line.phase === "downloading" || (line.phase === "extracting" && line.current < line.total);
  const text = `${shortDigest(digest)}: ${PHASE_WORDS[line.phase]}${moving ? ` ${progressBar(line, columns)}` : ""}`;
  return text.slice(0, Math.max(1, columns - 1));
}

const isOver = ({ phase }: LayerLine): boolean => phase === "done" || phase === "exists";

/** The lines that fit on a screen of `rows`: where there are too many, finished layers go first, then the last ones. */
export function visibleLayers(layers: ReadonlyMap<string, LayerLine>, rows: number): [digest: string, line: LayerLine][] {
  const all = [...layers];
  const room = Math.max(1, rows - 2);
  if (all.length <= room) return all;
  const moving = all.filter(([, line]) => !isOver(line));
  const finished = all.filter(([, line]) => isOver(line));
  const kept = new Set([...moving.slice(0, room), ...finished.slice(-Math.max(0, room - moving.length) || finished.length)]);
  return all.filter((entry) => kept.has(entry)).slice(0, room);
}
