/** `--gpus`, and `--device vendor.com/class=name` (docker/cli opts/gpus.go, moby api/types/container DeviceRequest). */
import type { DeviceRequest } from "../options.ts";
import { parseCsv } from "./csv.ts";
import { invalid } from "./invalid.ts";

const ALL = -1;

function count(text: string): number {
  if (text === "all") return ALL;
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`count must be an integer: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function options(text: string): Record<string, string> {
  return Object.fromEntries(
    parseCsv(text).map((word) => [word.split("=", 1)[0], word.includes("=") ? word.slice(word.indexOf("=") + 1) : ""]),
  );
}

/** `all`, a number, or `count=…,"device=0,1",driver=…,capabilities=…,options=…`. Throws HoyError in docker's words. */
export function parseGpus(text: string): DeviceRequest {
  const request: DeviceRequest = { Driver: "", Count: 0, DeviceIDs: null, Capabilities: [["gpu"]], Options: {} };
  const seen = new Set<string>();
  for (const field of parseCsv(text)) {
    const equals = field.indexOf("=");
    const key = equals < 0 ? field : field.slice(0, equals);
    const value = field.slice(equals + 1);
    if (seen.has(key)) throw invalid(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (equals < 0) {
      seen.add("count");
      request.Count = count(key);
    } else if (key === "driver") request.Driver = value;
    else if (key === "count") request.Count = count(value);
    else if (key === "device") request.DeviceIDs = value.split(",");
    else if (key === "capabilities") request.Capabilities = [[...value.split(","), "gpu"]];
    else if (key === "options") request.Options = options(value);
    else throw invalid(`unexpected key '${key}' in '${field}'`);
  }
  if (!seen.has("count") && request.DeviceIDs === null) request.Count = 1;
  return request;
}

/** True for the name of a CDI device, `vendor.com/class=name` (CDI specification, "Kind" and "Devices"). */
export const isCdiName = (text: string): boolean =>
  /^[A-Za-z]([\w.-]*[A-Za-z0-9])?\/[A-Za-z]([\w.-]*[A-Za-z0-9])?=[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/.test(text);

/** What `--device` asks for by such names. */
export const cdiRequest = (names: readonly string[]): DeviceRequest => ({
  Driver: "cdi",
  Count: 0,
  DeviceIDs: [...names],
  Capabilities: null,
  Options: null,
});
