import { describe, expect, test } from "bun:test";
import { type Command, command, type FlagDefs } from "../../src/cli/define.ts";
import { parseCommand, parseWords } from "../../src/cli/parse.ts";
import { HoyError } from "../../src/spec/error.ts";

const defs = {
  all: { type: "boolean", alias: "a", description: "" },
  interactive: { type: "boolean", alias: "i", description: "" },
  name: { type: "string", description: "" },
  env: { type: "list", alias: "e", description: "" },
  last: { type: "int", alias: "n", description: "" },
  cpus: { type: "decimal", description: "" },
  hostname: { type: "string", alias: "h", description: "" },
  host: { type: "string", sameAs: "hostname", description: "", hidden: true },
} as const satisfies FlagDefs;

const unknown = (name: string): HoyError => new HoyError(`unknown flag: ${name}`);
const parse = (words: string[], stopAtFirst = false) => parseWords(defs, words, { stopAtFirst, unknown });

describe("flags", () => {
  const cases: [words: string[], flags: object, args?: string[]][] = [
    [["--name=x", "y"], { name: "x" }, ["y"]],
    [["--name", "x", "y"], { name: "x" }, ["y"]],
    [["--name="], { name: "" }],
    [["--name", "--all"], { name: "--all" }],
    [["--name=a=b"], { name: "a=b" }],
    [["--name", "a", "--name", "b"], { name: "b" }],
    [["-ai"], { all: true, interactive: true }],
    [["-aeX=1"], { all: true, env: ["X=1"] }],
    [["-e", "A", "-eB", "--env=C", "-e=D"], { env: ["A", "B", "C", "D"] }],
    [["-an3"], { all: true, last: "3" }],
    [["--all=false"], { all: false }],
    [["-a=0"], { all: false }],
    [["-a", "--all=T"], { all: true }],
    [["--last", "-1"], { last: "-1" }],
    [["--cpus", ".5"], { cpus: ".5" }],
    [["-h", "me"], { hostname: "me" }],
    [["-h", "me", "--host=you"], { hostname: "you" }],
    [["x", "-a", "y"], { all: true }, ["x", "y"]],
    [["-a", "--", "-i", "--"], { all: true }, ["-i", "--"]],
    [["-"], {}, ["-"]],
    [["", "-a"], { all: true }, [""]],
  ];
  for (const [words, flags, args = []] of cases)
    test(JSON.stringify(words), () => {
      const parsed = parse(words);
      expect({ ...parsed.flags }).toEqual(flags as typeof parsed.flags);
      expect(parsed.args).toEqual(args);
    });

  test("flags end at the first argument where they belong to the container", () => {
    const { flags, args } = parse(["-a", "image", "-i", "--", "--name"], true);
    expect({ ...flags }).toEqual({ all: true });
    expect(args).toEqual(["image", "-i", "--", "--name"]);
  });

  test("-- before the first argument is taken away", () => {
    expect(parse(["-a", "--", "image", "--", "-i"], true).args).toEqual(["image", "--", "-i"]);
  });
});

describe("mistakes", () => {
  const cases: [words: string[], message: string][] = [
    [["--nope"], "unknown flag: --nope"],
    [["--nope=1"], "unknown flag: --nope"],
    [["--constructor"], "unknown flag: --constructor"],
    [["-x"], "unknown flag: -x"],
    [["-ax"], "unknown flag: -x"],
    [["--name"], "flag needs an argument: --name"],
    [["-ae"], "flag needs an argument: 'e' in -ae"],
    [["--all=maybe"], 'invalid argument "maybe" for "--all" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
    [["-n", "x"], 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [["--cpus=1,5"], 'invalid argument "1,5" for "--cpus" flag: strconv.ParseFloat: parsing "1,5": invalid syntax'],
  ];
  for (const [words, message] of cases) test(JSON.stringify(words), () => expect(() => parse(words)).toThrow(new HoyError(message)));
});

describe("arguments are counted", () => {
  const make = (positionals: Command["positionals"]): Command =>
    command({
      meta: { name: "container thing", description: "" },
      aliases: ["container other", "thing"],
      usage: "",
      positionals,
      args: defs,
      load: () => Promise.reject(new Error("never loaded")),
    });
  const run = (positionals: Command["positionals"], words: string[]) => parseCommand(make(positionals), words, { program: "hoy", unknown });

  test("in Docker's words", () => {
    expect(run([1, 2], ["a", "b"]).args).toEqual(["a", "b"]);
    expect(() => run([0, 0], ["a"])).toThrow("'hoy thing' accepts no arguments");
    expect(() => run([1, 1], [])).toThrow("'hoy thing' requires 1 argument");
    expect(() => run([2, 2], ["a"])).toThrow("'hoy thing' requires 2 arguments");
    expect(() => run([1, Number.POSITIVE_INFINITY], [])).toThrow("'hoy thing' requires at least 1 argument");
    expect(() => run([0, 1], ["a", "b"])).toThrow("'hoy thing' requires at most 1 argument");
  });

  test("but not when help is asked for", () => {
    expect(run([1, 1], ["--help"]).help).toBe(true);
  });
});
