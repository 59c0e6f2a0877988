/** SELinux contexts of containers (go-selinux, label.InitLabels): `user:role:type:level`, for processes and for their files. */
import { HoyError } from "../../spec/error.ts";

/** What the policy has for containers (lxc_contexts); empty where it has nothing. */
export interface ContainerContexts {
  process: string;
  file: string;
}

export interface Labels {
  /** Empty: the process keeps the engine's own domain. */
  process: string;
  mount: string;
}

const KEYS = ["user", "role", "type", "level"] as const;
type Key = (typeof KEYS)[number];
type Context = Record<Key, string>;

/** How many categories policies have. */
const CATEGORIES = 1024;

/** Throws HoyError for what is no label. */
export function parseLabel(label: string): Context {
  const [user = "", role = "", type = "", ...level] = label.split(":");
  if (!user || !role || !type) throw new HoyError(`${JSON.stringify(label)} is not an SELinux label`, { status: 400 });
  return { user, role, type, level: level.join(":") };
}

export const formatLabel = (context: Context): string =>
  KEYS.map((key) => context[key])
    .filter(Boolean)
    .join(":");

/** Lines `key = "value"` (lxc_contexts). */
export function parseContexts(text: string): ContainerContexts {
  const values = new Map(
    [...text.matchAll(/^\s*(\w+)\s*=\s*"?([^"\n]*?)"?\s*$/gm)].map(([, key = "", value = ""]): [string, string] => [key, value]),
  );
  return { process: values.get("process") ?? "", file: values.get("file") ?? "" };
}

/** Two categories of all, the lower one first, in the form of a level: what keeps containers apart from each other. */
export function categories(random: (below: number) => number): string {
  const first = random(CATEGORIES);
  const second = (first + 1 + random(CATEGORIES - 1)) % CATEGORIES;
  return `s0:c${Math.min(first, second)},c${Math.max(first, second)}`;
}

/** What `--security-opt label=` may say, as it is. Throws HoyError with Docker's words. */
export function checkLabelOption(option: string): string {
  if (option === "disable") return option;
  const [key = "", ...value] = option.split(":");
  if (value.length === 0 || ![...KEYS, "filetype"].includes(key))
    throw new HoyError(
      `bad label option ${JSON.stringify(option)}, valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value`,
      { status: 400, exitCode: 125 },
    );
  return option;
}

/** A label that no confined process may reach: of the files of a container without one. */
const unreachable = (file: string): string =>
  file === "" ? "" : formatLabel({ ...parseLabel(file), level: `s0:c${CATEGORIES - 2},c${CATEGORIES - 1}` });

/** The labels of a container with these options; `level` is one that no other container has (categories()). */
export function containerLabels(options: readonly string[], { process, file }: ContainerContexts, level: string): Labels {
  if (options.includes("disable")) return { process: "", mount: unreachable(file) };
  if (process === "" || file === "") return { process: "", mount: "" };
  const own = withLevel(parseLabel(process), level);
  const files = withLevel(parseLabel(file), level);
  for (const option of options) {
    const at = option.indexOf(":");
    const [key, value] = [option.slice(0, at), option.slice(at + 1)];
    if (key === "filetype") files.type = value;
    else {
      own[key as Key] = value;
      if (key === "level" || key === "user") files[key] = value;
    }
  }
  return { process: formatLabel(own), mount: formatLabel(files) };
}

/** A policy without levels keeps none. */
const withLevel = (context: Context, level: string): Context => (context.level === "" ? context : { ...context, level });

/** The label of files that all containers may use (`:z`). */
export const sharedLabel = (label: string): string => formatLabel(withLevel(parseLabel(label), "s0"));

/** Folders of the host's own that are never relabelled, nor what holds them (go-selinux, Chcon). */
const SYSTEM: ReadonlySet<string> = new Set(
  ["/", "/bin", "/boot", "/dev", "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow", "/home", "/lib", "/lib64", "/media", "/opt"].concat([
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/var/lib",
    "/var/log",
  ]),
);

/** Throws HoyError for a folder whose relabelling would break the host. `path` is absolute and clean. */
export function checkRelabel(path: string): void {
  if (SYSTEM.has(path) || path.startsWith("/usr/"))
    throw new HoyError(`SELinux relabeling of ${path} is not allowed`, {
      status: 400,
      hint: "leave out z and Z, or mount a folder below it",
    });
}
