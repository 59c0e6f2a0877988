/** Commands on several names go through all of them: what fails is told, the others are done, and the exit code is 1. */
import { programName } from "../spec/caller.ts";
import { asExpected } from "./expected.ts";
import { printable } from "./output/printable.ts";
import { printLine, tellLine } from "./output/write.ts";

/**
 * Calls `act` for each name and prints its answer (the name itself when it has none). With `absentPasses`, what is not there (404) is
 * told but is no failure, as for Docker's `rm --force` and `rmi --force`.
 */
export async function forEachName(
  names: readonly string[],
  act: (name: string) => unknown,
  { absentPasses = false }: { absentPasses?: boolean } = {},
): Promise<number> {
  let code = 0;
  for (const name of names) {
    try {
      const answer = await act(name);
      printLine(typeof answer === "string" ? answer : name);
    } catch (error) {
      const expected = asExpected(error);
      if (!expected) throw error;
      tellLine(printable(`${programName()}: ${expected.message}`));
      if (!absentPasses || expected.status !== 404) code = 1;
    }
  }
  return code;
}
