/** Completion in the real shells, which are typed at on a terminal, with the compiled binary. */
import { describe, expect } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist, distForAll } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { onPty, type PtySession } from "../harness/pty.ts";
import { requires } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";

interface Shell {
  readonly start: readonly string[];
  /** Loads the completion of `program`, and makes ^T show the line that is being written: `<line>`. */
  readonly prepare: (program: string) => string;
}

const SHELLS: Readonly<Record<"bash" | "zsh", Shell>> = {
  bash: {
    start: ["bash", "--norc", "--noprofile", "-i"],
    prepare: (program) => `source <(${program} completion bash); bind -x '"\\C-t": echo "<$READLINE_LINE>"'`,
  },
  zsh: {
    start: ["zsh", "-f", "-i"],
    prepare: (program) =>
      [
        "autoload -Uz compinit; compinit -u -D",
        `source <(${program} completion zsh)`,
        'show() print -r -- "<$BUFFER>"',
        "zle -N show; bindkey '^T' show",
      ].join("; "),
  },
};

/** A folder in the PATH with hoy in it under these names, a store with volumes, and files in the folder where the shell is. */
async function scene(store: TestStore, names: readonly string[]): Promise<{ env: Record<string, string>; cwd: string }> {
  const [bin, cwd] = [join(store.dir, "bin"), join(store.dir, "here")];
  for (const folder of [bin, cwd, join(cwd, "folder")]) mkdirSync(folder);
  for (const name of names) symlinkSync(dist(), join(bin, name));
  for (const name of ["state.env", "with space.env"]) writeFileSync(join(cwd, name), "");
  for (const name of ["data", "other"]) await store.ok(["volume", "create", name]);
  const env = cleanEnv({ ...store.env, HOY_ROOT: store.root, PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`, PS1: "> ", TERM: "dumb" });
  return { env, cwd };
}

/** The line after `typed` and the tabulator, as the shell has it. */
async function line(session: PtySession, typed: string): Promise<string> {
  session.type(`${typed}\t`);
  // the keys come one after another: what shows the line waits for the completion
  session.type("\x14");
  await session.see("<");
  const shown = await session.see(/>\r?\n/);
  session.type("\x15\n");
  return shown;
}

const LINES: [typed: string, completed: string][] = [
  ["hoy volu", "hoy volume "],
  ["hoy volume insp", "hoy volume inspect "],
  ["hoy volume rm d", "hoy volume rm data "],
  ["hoy volume rm data o", "hoy volume rm data other "],
  ["hoy --log-level=debug volume rm d", "hoy --log-level=debug volume rm data "],
  ["hoy volume rm -- o", "hoy volume rm -- other "],
  ["hoy run --quie", "hoy run --quiet "],
  ["hoy kill --signal=TER", "hoy kill --signal=TERM "],
  ["hoy kill -s TER", "hoy kill -s TERM "],
  ["hoy ps --filter sta", "hoy ps --filter status="],
  ["hoy run -e 'A B' -v oth", "hoy run -e 'A B' -v other "],
  ["hoy run --env-file st", "hoy run --env-file state.env "],
  ["hoy run --env-file=st", "hoy run --env-file=state.env "],
  ["hoy load -i with", "hoy load -i with\\ space.env "],
  ["hoy run -v ./fol", "hoy run -v ./folder/"],
  ["docker volume rm d", "docker volume rm data "],
];

describe("on a terminal", () => {
  for (const [shell, { start, prepare }] of Object.entries(SHELLS))
    requires(shell)(`${shell} completes commands, names, values and files`, async () => {
      await using store = await testStore();
      const { env, cwd } = await scene(store, ["hoy", "docker"]);
      await using session = onPty(start, { env, cwd, columns: 200 });
      session.type(`${prepare("hoy")}; echo rea''dy\n`);
      await session.see("ready\r\n");
      const seen: [string, string][] = [];
      for (const [typed] of LINES) seen.push([typed, await line(session, typed)]);
      expect(seen).toEqual(LINES);
      session.type("hoy volume rm \t\t");
      await session.see(/data +other/);
    });

  for (const [shell, { start, prepare }] of Object.entries(SHELLS))
    requires(shell)(`${shell} completes docker where hoy is called that alone`, async () => {
      await using store = await testStore();
      const { env, cwd } = await scene(store, ["docker"]);
      await using session = onPty(start, { env, cwd, columns: 200 });
      session.type(`${prepare("docker")}; echo rea''dy\n`);
      await session.see("ready\r\n");
      expect(await line(session, "docker volume rm d")).toBe("docker volume rm data ");
    });
});

describe("fish", () => {
  const fish = async (store: TestStore, names: readonly string[], lines: readonly string[]): Promise<string[][]> => {
    const { env, cwd } = await scene(store, names);
    const script = `${names[0]} completion fish | source; for line in $argv; complete -C $line; echo =====; end`;
    const child = Bun.spawnSync(["fish", "-c", script, ...lines], { env, cwd });
    expect(child.stderr.toString()).toBe("");
    const parts = child.stdout.toString().split("=====\n").slice(0, -1);
    return parts.map((part) => part.split("\n").filter(Boolean));
  };

  requires("fish")("completes commands, names, values and files", async () => {
    await using store = await testStore();
    const wanted: [line: string, words: string[]][] = [
      ["hoy volu", ["volume\tManage volumes"]],
      ["hoy volume rm ", ["data", "other"]],
      ["hoy kill --signal=TER", ["--signal=TERM"]],
      ["hoy run --env-file st", ["state.env"]],
      ["hoy run --env-file=st", ["--env-file=state.env"]],
      ["hoy load -i with", ["with space.env"]],
      ["hoy volume rm nothing", []],
      ["docker volume rm d", ["data"]],
      ["env hoy volume rm d", ["data"]],
    ];
    const seen = await fish(
      store,
      ["hoy", "docker"],
      wanted.map(([line]) => line),
    );
    expect(seen).toEqual(wanted.map(([, words]) => words));
  });

  requires("fish")("completes docker where hoy is called that alone", async () => {
    await using store = await testStore();
    expect(await fish(store, ["docker"], ["docker volume rm "])).toEqual([["data", "other"]]);
  });
});

requires("root", "setpriv")("a store that the user may not read gives no names and no errors", async () => {
  await using store = await testStore();
  await store.ok(["volume", "create", "data"]);
  expect((await store.hoy(["__complete", "--", "volume", "rm", ""])).stdout).toBe("data\n");
  const run = Bun.spawnSync(
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", distForAll(), "__complete", "--", "volume", "rm", ""],
    {
      env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
      cwd: "/",
    },
  );
  expect([run.exitCode, run.stdout.toString(), run.stderr.toString()]).toEqual([0, "", ""]);
});

requires()("asking for a shell that has none is an error", async () => {
  await using store = await testStore();
  const { code, stdout, stderr } = await store.hoy(["completion", "tcsh"]);
  expect([code, stdout, stderr]).toEqual([1, "", "hoy: no completion for the shell tcsh\nthere is one for bash, zsh, fish\n"]);
});
