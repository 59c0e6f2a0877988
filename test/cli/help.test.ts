import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../src/cli/define.ts";
import { commandHelp, groupHelp, programHelp } from "../../src/cli/help.ts";
import { CONTAINER_WORDS } from "../../src/cli/table/find.ts";
import { globalFlags } from "../../src/cli/table/globals.ts";
import { commands, findCommand, groups } from "../../src/cli/table/index.ts";

const find = (...words: string[]) => {
  const found = findCommand(words);
  if (!found) throw new Error(`no command ${words.join(" ")}`);
  return found.command;
};

test("help is laid out as by Docker's own client, to the letter", () => {
  expect(commandHelp(find("ps"), "docker")).toBe(readFileSync(join(import.meta.dir, "golden/ps-help.txt"), "utf8"));
});

test("descriptions are broken before the line's end, and a few letters may reach over it", () => {
  const long = command({
    meta: { name: "thing", description: "Do it" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      one: { type: "string", description: `${"word ".repeat(12)}xx` },
      two: { type: "boolean", alias: "t", description: "first line\nsecond line" },
      hid: { type: "boolean", hidden: true, description: "" },
    },
    load: () => Promise.reject(new Error("never loaded")),
  });
  expect(commandHelp(long, "hoy")).toBe(
    [
      "Usage:  hoy thing [OPTIONS]",
      "",
      "Do it",
      "",
      "Options:",
      "      --one string   word word word word word word word word word word",
      "                     word word xx",
      "  -t, --two          first line",
      "                     second line",
      "",
    ].join("\n"),
  );
});

describe("the program's and the groups' help", () => {
  const program = programHelp({ commands, groups, globals: globalFlags, program: "hoy" });

  test("name every command and group", () => {
    for (const { meta, aliases = [] } of commands)
      for (const name of [meta.name, ...aliases].filter((each) => !each.includes(" ")))
        expect(program).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const group of groups) {
      expect(program).toMatch(new RegExp(`^  ${group.name} `, "m"));
      // its commands stand in a table of their own: runc's command line, not Docker's
      if (group.name === "runtime") continue;
      const members = commands.filter(({ meta }) => meta.name.startsWith(`${group.name} `));
      expect(members.length).toBeGreaterThan(0);
      const text = groupHelp(group, members, "hoy");
      for (const { meta } of members) expect(text).toContain(`\n  ${meta.name.slice(group.name.length + 1)} `);
    }
  });
});

test("the table names each command once", () => {
  const names = commands.flatMap(({ meta, aliases = [] }) => [meta.name, ...aliases]);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test("every command has a body", async () => {
  for (const { meta, load } of commands) expect([meta.name, typeof (await load()).default]).toEqual([meta.name, "function"]);
});

test("the words that are looked up in one table alone are that table's", () => {
  const names = commands
    .filter(({ meta }) => meta.name.startsWith("container "))
    .flatMap(({ meta, aliases = [] }) => [meta.name, ...aliases]);
  expect([...CONTAINER_WORDS].sort()).toEqual([...new Set(names.map((name) => name.split(" ")[0] as string))].sort());
});
