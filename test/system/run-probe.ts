/** Runs the probe in a container over the busybox folder, and reads its report. */
import type { TestStore } from "../harness/store.ts";
import { type ProbeQuestions, probeArgs, type Report, readReport } from "../probe/probe.ts";

/** `hoy run --rm --network none FLAGS… --rootfs … /probe …`; a `--network` in the flags takes the place of none. */
export async function runProbe(store: TestStore, flags: readonly string[] = [], questions: ProbeQuestions = {}): Promise<Report> {
  const network = flags.some((flag) => flag.startsWith("--network")) ? [] : ["--network", "none"];
  const output = await store.ok(["run", "--rm", ...network, ...flags, "--rootfs", store.rootfs, "/probe", ...probeArgs(questions)]);
  return readReport(output, questions);
}
