/** `info`, in Docker's layout (docker/cli cli/command/system/info.go). */
import { openStore } from "../../engine/store.ts";
import { type SystemInfo, systemInfo } from "../../engine/system/info.ts";
import { type Body, text } from "../define.ts";
import { compileTemplate } from "../output/template.ts";
import { bytesSize } from "../output/units.ts";
import { printLine } from "../output/write.ts";
import { VERSION } from "./version-line.ts";

function infoText(info: SystemInfo, program: string): string {
  const { RegistryConfig: registries, Plugins: plugins } = info;
  const indented = (spaces: number, lines: readonly string[]) => lines.map((line) => " ".repeat(spaces) + line);
  return [
    "Client:",
    ` Version:    ${VERSION}`,
    " Debug Mode: false",
    "",
    "Server:",
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ` Server Version: ${info.ServerVersion} (${program}, no daemon)`,
    ` Storage Driver: ${info.Driver}`,
    ...indented(
      2,
      info.DriverStatus.map(([name, value]) => `${name}: ${value}`),
    ),
    ` Logging Driver: ${info.LoggingDriver}`,
    ` Runtimes: ${Object.keys(info.Runtimes).sort().join(" ")}`,
    ` Default Runtime: ${info.DefaultRuntime}`,
    ` Cgroup Driver: ${info.CgroupDriver}`,
    ...(info.CgroupVersion === "" ? [] : [` Cgroup Version: ${info.CgroupVersion}`]),
    " Plugins:",
    `  Volume: ${plugins.Volume.join(" ")}`,
    `  Network: ${plugins.Network.join(" ")}`,
    `  Log: ${plugins.Log.join(" ")}`,
    " Security Options:",
    ...info.SecurityOptions.flatMap(securityLines),
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${bytesSize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
    ` Experimental: ${info.ExperimentalBuild}`,
    " Insecure Registries:",
    ...indented(2, registries.InsecureRegistries),
    ...(registries.Mirrors.length > 0 ? [" Registry Mirrors:", ...indented(2, registries.Mirrors)] : []),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
  ].join("\n");
}

/** `name=seccomp,profile=builtin` is a line for the name and one for each of its options. */
function securityLines(option: string): string[] {
  const pairs = option.split(",").map((pair) => pair.split("=") as [string, string]);
  return pairs.map(([key, value]) => (key === "name" ? `  ${value}` : `   ${key[0]?.toUpperCase()}${key.slice(1)}: ${value}`));
}

const body: Body = async ({ flags, program }) => {
  const info = await systemInfo(openStore(), VERSION);
  const format = text(flags, "format");
  if (!format) printLine(infoText(info, program));
  else printLine(compileTemplate(format === "json" ? "{{json .}}" : format)({ ...info, ClientInfo: { Version: VERSION } }));
  return 0;
};

export default body;
