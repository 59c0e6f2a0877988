/** `--change`: Dockerfile instructions on an image's configuration. */
import { expect, test } from "bun:test";
import { applyChanges, type ImageSettings } from "../../../src/engine/images/change/apply.ts";

const cases: [title: string, changes: string[], expected: ImageSettings][] = [
  ["CMD as a list", ['CMD ["a", "b c"]'], { Cmd: ["a", "b c"] }],
  ["CMD for the shell", ["cmd echo $HOME [x]"], { Cmd: ["/bin/sh", "-c", "echo $HOME [x]"] }],
  ["ENTRYPOINT drops the command", ['ENTRYPOINT ["e"]'], { Entrypoint: ["e"], Cmd: null }],
  ["ENTRYPOINT keeps a CMD of the same change", ['CMD ["c"]', 'ENTRYPOINT ["e"]'], { Cmd: ["c"], Entrypoint: ["e"] }],
  [
    "ENV in pairs",
    ["ENV A=1 B=\"x y\" C='$A' D=a\\ b", "ENV E=${B:-no}/${F:-no}/${B:+yes}/$A"],
    { Env: ["A=1", "B=x y", "C=$A", "D=a b", "E=x y/no/yes/1"] },
  ],
  ["ENV of the old form", ["ENV A one  two"], { Env: ["A=one  two"] }],
  ["ENV in the place of one that is there", ["ENV A=1", "ENV B=2", "ENV A=3"], { Env: ["A=3", "B=2"] }],
  ["EXPOSE", ["EXPOSE 80 81/UDP 90-91"], { ExposedPorts: { "80/tcp": {}, "81/udp": {}, "90/tcp": {}, "91/tcp": {} } }],
  ["LABEL", ['LABEL "a b"=c d="e=f"', "LABEL one two three"], { Labels: { "a b": "c", d: "e=f", one: "two three" } }],
  ["ONBUILD", ["ONBUILD RUN ls", "ONBUILD COPY . /"], { OnBuild: ["RUN ls", "COPY . /"] }],
  ["USER", ["USER 1:2"], { User: "1:2" }],
  ["VOLUME", ["VOLUME /a /b", 'VOLUME ["/c d"]'], { Volumes: { "/a": {}, "/b": {}, "/c d": {} } }],
  ["WORKDIR, one after another", ["WORKDIR /a", "WORKDIR b/../c"], { WorkingDir: "/a/c" }],
  ["STOPSIGNAL", ["STOPSIGNAL SIGTERM"], { StopSignal: "SIGTERM" }],
  [
    "HEALTHCHECK",
    ["HEALTHCHECK --interval=1m30s --timeout=1s --start-period=2s --start-interval=3s --retries=4 CMD curl x"],
    {
      Healthcheck: {
        Test: ["CMD-SHELL", "curl x"],
        Interval: 90e9,
        Timeout: 1e9,
        StartPeriod: 2e9,
        StartInterval: 3e9,
        Retries: 4,
      },
    },
  ],
  ["HEALTHCHECK as a list, and NONE", ['HEALTHCHECK CMD ["a"]', "HEALTHCHECK NONE"], { Healthcheck: { Test: ["NONE"] } }],
  ["comments, empty and continued lines", ["# no\n\nENV A=1 \\\n  B=2\nUSER x"], { Env: ["A=1", "B=2"], User: "x" }],
];
for (const [title, changes, expected] of cases)
  test(`${title}: ${JSON.stringify(changes)}`, () => {
    expect(applyChanges({}, changes)).toEqual(expected);
  });

const WRONG: [change: string, message: string][] = [
  ["RUN x", "run is not a valid change command"],
  ["ENV", "ENV requires at least one argument"],
  ["ENV a", "ENV must have two arguments"],
  ["ENV a=b c", 'Syntax error - can\'t find = in "c". Must be of the form: name=value'],
  ["EXPOSE abc", "Invalid containerPort: abc"],
  ["EXPOSE 1/xyz", "Invalid proto: xyz"],
  ["LABEL =x", "LABEL names can not be blank"],
  ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
  ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ["USER", "USER requires exactly one argument"],
  ["WORKDIR", "WORKDIR requires exactly one argument"],
  ["VOLUME", "VOLUME requires at least one argument"],
  ['VOLUME [""]', "VOLUME specified can not be an empty string"],
  ["STOPSIGNAL FOO", "FOO"],
  ["HEALTHCHECK x", 'Unknown type "X" in HEALTHCHECK (try CMD)'],
  ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
  ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"],
  ["HEALTHCHECK --interval=1x CMD true", "1x"],
  ["HEALTHCHECK --what=1 CMD true", "unknown flag: --what"],
  ["ENV a='b", "matching single-quote"],
  ["ENV a=${b", "missing '}'"],
  ["ENV a=${b%c}", "unsupported modifier (%) in substitution"],
];
for (const [change, message] of WRONG)
  test(`${JSON.stringify(change)} is refused`, () => {
    expect(() => applyChanges({}, [change])).toThrow(message);
  });

test("the configuration before is left as it was", () => {
  const before: ImageSettings = { Env: ["A=1"], Labels: { a: "b" } };
  expect(applyChanges(before, ["ENV A=2", "LABEL c=d"])).toEqual({ Env: ["A=2"], Labels: { a: "b", c: "d" } });
  expect(before).toEqual({ Env: ["A=1"], Labels: { a: "b" } });
});
