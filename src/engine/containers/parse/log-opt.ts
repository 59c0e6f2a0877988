/** `--log-driver` and `--log-opt`: json-file with max-size and max-file, and none. */
import { invalid } from "./invalid.ts";
import { parseInteger, parseSize } from "./numbers.ts";

const DRIVERS = ["json-file", "none"];

/** Docker's LogConfig; options are checked here and kept as text. */
export function parseLogging(driver: string, options: readonly string[]): { Type: string; Config: Record<string, string> } {
  const type = driver || "json-file";
  if (!DRIVERS.includes(type)) throw invalid(`logger: no log driver named '${type}' is registered`, `hoy has ${DRIVERS.join(" and ")}`);
  if (type === "none" && options.length > 0) throw invalid("invalid logging opts for driver none");
  const config: Record<string, string> = {};
  for (const option of options) {
    const equals = option.indexOf("=");
    const key = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? "" : option.slice(equals + 1);
    if (key !== "max-size" && key !== "max-file") throw invalid(`unknown log opt '${key}' for json-file log driver`);
    config[key] = value;
  }
  logLimits(config);
  return { Type: type, Config: config };
}

/** Bytes at which a log is rotated (-1: never) and the number of files that are kept. */
export function logLimits(config: Record<string, string>): { maxSize: number; maxFiles: number } {
  const size = config["max-size"];
  const files = config["max-file"];
  const maxSize = size === undefined || size === "-1" ? -1 : parseSize(size);
  if (maxSize === 0) throw invalid("max-size must be a positive number");
  const maxFiles = files === undefined ? 1 : parseInteger(files);
  if (maxFiles < 1) throw invalid("max-file cannot be less than 1");
  if (maxFiles > 1 && maxSize < 0) throw invalid("max-file cannot be used without max-size");
  return { maxSize, maxFiles };
}
