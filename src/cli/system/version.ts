/** `version`, in Docker's layout: client and server are the same program here. What only a daemon has, an API and contexts, is left out. */
import { machine, release } from "node:os";
import { type Body, text } from "../define.ts";
import { compileTemplate } from "../output/template.ts";
import { printLine } from "../output/write.ts";
import { COMMIT, VERSION } from "./version-line.ts";

const GO_NAMES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

function versions() {
  const common = { Version: VERSION, GitCommit: COMMIT, Os: "linux", Arch: GO_NAMES[machine()] ?? machine() };
  return { Client: common, Server: { Platform: { Name: "hoy" }, ...common, KernelVersion: release() } };
}

function versionText({ Client: client, Server: server }: ReturnType<typeof versions>): string {
  const line = (indent: string, name: string, value: string): string => `${indent}${`${name}:`.padEnd(20 - indent.length)}${value}`;
  const lines = (indent: string, { Version, GitCommit, Os, Arch }: typeof client): string[] => [
    line(indent, "Version", Version),
    line(indent, "Git commit", GitCommit),
    line(indent, "OS/Arch", `${Os}/${Arch}`),
  ];
  return ["Client:", ...lines(" ", client), "", "Server: hoy, without a daemon", " Engine:", ...lines("  ", server)].join("\n");
}

const body: Body = ({ flags }) => {
  const found = versions();
  const format = text(flags, "format");
  printLine(format ? compileTemplate(format === "json" ? "{{json .}}" : format)(found) : versionText(found));
  return 0;
};

export default body;
