/** Preloaded by bunfig.toml, as only there `afterAll` is the very end and not that of the first file. */
import { afterAll } from "bun:test";
import { runAtEnd } from "./at-end.ts";

afterAll(runAtEnd);
