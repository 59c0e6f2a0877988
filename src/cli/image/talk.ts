/** What a run or create tells about the image that it has to pull first: on stderr, as stdout is the container's. */
import { type Listener, pullProgress } from "./progress.ts";

export const pullTalk = (quiet: boolean): Listener => pullProgress(quiet ? "quiet" : "auto", 2);
