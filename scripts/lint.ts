/** `npm run lint`: the checks of the source alone, without the tests. */
import { runChecks } from "./checks.ts";

const { failed } = await runChecks();
process.exit(failed === 0 ? 0 : 1);
