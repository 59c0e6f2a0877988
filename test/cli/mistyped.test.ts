/** What mistyped and missing commands and flags are told. */
import { expect, test } from "bun:test";
import { dispatch } from "../../src/cli/dispatch.ts";
import { nearest } from "../../src/cli/nearest.ts";
import { HoyError } from "../../src/spec/error.ts";

test("the nearest name, the one of the same length first, and none that shares too little", () => {
  expect(nearest("rum", ["rm", "run"])).toBe("run");
  expect(nearest("imagse", ["image", "images"])).toBe("images");
  expect(nearest("psx", ["cp", "ps"])).toBe("ps");
  expect(nearest("inspct", ["info", "inspect"])).toBe("inspect");
  expect(nearest("xy", ["ps", "rm"])).toBeUndefined();
  expect(nearest("net", ["env", "dns"])).toBeUndefined();
});

async function failure(...words: string[]): Promise<HoyError> {
  const error = await dispatch(words, "docker").catch((thrown: unknown) => thrown);
  if (error instanceof HoyError) return error;
  throw new Error(`${words.join(" ")} gave ${String(error)}`);
}

test("a mistyped command is unknown, one of Docker's is missing", async () => {
  const mistyped = await failure("rum");
  expect([mistyped.message, mistyped.exitCode]).toEqual(["unknown command: docker rum", 1]);
  expect(mistyped.hint).toStartWith("Did you mean docker run?");
  for (const words of [["push"], ["image", "push"], ["network", "create"]]) {
    const missing = await failure(...words, "x");
    expect([missing.message, missing.exitCode]).toEqual([
      `the command docker ${words.join(" ")} is not supported by this version of hoy`,
      1,
    ]);
    expect(missing.hint).not.toContain("Did you mean");
  }
  expect((await failure("volume", "push")).message).toBe("unknown command: docker volume push");
});

test("a flag of Docker's that hoy lacks is not taken for a mistake", async () => {
  for (const [words, flag] of [
    [["network", "inspect", "-v", "bridge"], "verbose"],
    [["network", "inspect", "--verbose", "bridge"], "verbose"],
    [["rm", "-l", "x"], "link"],
    [["rmi", "--no-prune", "x"], "no-prune"],
    [["images", "--tree"], "tree"],
    [["start", "--checkpoint=a", "x"], "checkpoint"],
    [["volume", "ls", "--cluster"], "cluster"],
    [["save", "--platform", "linux/amd64", "x"], "platform"],
    [["volume", "create", "--topology-required", "x"], "topology-required"],
  ] as const)
    expect((await failure(...words)).message).toBe(`the flag --${flag} is not supported by this version of hoy`);
  expect((await failure("rm", "--lnk", "x")).message).toBe("unknown flag: --lnk");
});

test("a level that is none", async () => {
  expect((await failure("--log-level", "loud", "ps")).message).toBe("unable to parse logging level: loud");
});
