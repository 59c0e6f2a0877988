/** `--blkio-weight-device` and the four `--device-read-bps` and its like (docker/cli opts/weightdevice.go, throttledevice.go). */
import type { ThrottleDevice, WeightDevice } from "../options.ts";
import { invalid } from "./invalid.ts";
import { parseSize } from "./numbers.ts";

function split(text: string): [path: string, value: string] {
  const colon = text.indexOf(":");
  if (colon <= 0) throw invalid(`bad format: ${text}`);
  const path = text.slice(0, colon);
  if (!path.startsWith("/dev/")) throw invalid(`bad format for device path: ${text}`);
  return [path, text.slice(colon + 1)];
}

/** `/dev/sda:100`; 0 takes the weight away. */
export function parseWeightDevice(text: string): WeightDevice {
  const [path, value] = split(text);
  const weight = Number(value);
  if (!/^\d+$/.test(value) || weight > 1000 || (weight > 0 && weight < 10)) throw invalid(`invalid weight for device: ${text}`);
  return { Path: path, Weight: weight };
}

/** `/dev/sda:1mb`, bytes a second. */
export function parseBpsDevice(text: string): ThrottleDevice {
  const [path, value] = split(text);
  try {
    return { Path: path, Rate: parseSize(value) };
  } catch {
    throw invalid(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
    );
  }
}

/** `/dev/sda:1000`, operations a second. */
export function parseIopsDevice(text: string): ThrottleDevice {
  const [path, value] = split(text);
  const rate = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(rate))
    throw invalid(`invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`);
  return { Path: path, Rate: rate };
}
