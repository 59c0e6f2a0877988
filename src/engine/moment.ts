/** A point of time as filters take it: seconds since the epoch, a date, or a duration back from now. */
import { parseLogTime } from "./containers/logs/time.ts";

/** Milliseconds since the epoch. Throws HoyError. */
export const parseMoment = (text: string): number => Date.parse(parseLogTime(text));
