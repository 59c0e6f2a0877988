/** SELinux labels of containers, as go-selinux's InitLabels makes them. */
import { describe, expect, test } from "bun:test";
import {
  categories,
  checkRelabel,
  containerLabels,
  formatLabel,
  parseContexts,
  parseLabel,
  sharedLabel,
} from "../../../src/runtime/selinux/labels.ts";

const contexts = parseContexts(`# a comment
process = "system_u:system_r:container_t:s0"
content = "system_u:object_r:virt_var_lib_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file="system_u:object_r:container_ro_file_t:s0"
`);
const LEVEL = "s0:c3,c7";
const labels = (...options: string[]) => containerLabels(options, contexts, LEVEL);

test("lxc_contexts", () => {
  expect(contexts).toEqual({ process: "system_u:system_r:container_t:s0", file: "system_u:object_r:container_file_t:s0" });
  expect(parseContexts("")).toEqual({ process: "", file: "" });
});

test("a label and its parts", () => {
  expect(parseLabel("u:r:t:s0:c1,c2")).toEqual({ user: "u", role: "r", type: "t", level: "s0:c1,c2" });
  for (const label of ["u:r:t", "u:r:t:s0", "u:r:t:s0-s0:c0.c1023"]) expect(formatLabel(parseLabel(label))).toBe(label);
  for (const label of ["", "kernel", "u:r", "u::t:s0"]) expect(() => parseLabel(label)).toThrow("is not an SELinux label");
});

describe("a container's labels", () => {
  test.each([
    [[], `system_u:system_r:container_t:${LEVEL}`, `system_u:object_r:container_file_t:${LEVEL}`],
    [["type:spc_t"], `system_u:system_r:spc_t:${LEVEL}`, `system_u:object_r:container_file_t:${LEVEL}`],
    [["user:u", "role:r", "level:s0:c1"], "u:r:container_t:s0:c1", "u:object_r:container_file_t:s0:c1"],
    [["filetype:my_t"], `system_u:system_r:container_t:${LEVEL}`, `system_u:object_r:my_t:${LEVEL}`],
    [["type:x", "disable"], "", "system_u:object_r:container_file_t:s0:c1022,c1023"],
  ] as const)("%p", (options, process, mount) => expect(labels(...options)).toEqual({ process, mount }));

  test("a policy that knows no containers gives none", () => {
    expect(containerLabels(["type:x"], { process: "", file: "" }, LEVEL)).toEqual({ process: "", mount: "" });
    expect(containerLabels(["disable"], { process: "", file: "" }, LEVEL)).toEqual({ process: "", mount: "" });
  });

  test("a policy without levels keeps none", () =>
    expect(containerLabels([], { process: "u:r:t", file: "u:o:f" }, LEVEL)).toEqual({ process: "u:r:t", mount: "u:o:f" }));
});

test("two categories, never the same twice, the lower one first", () => {
  const answers = [5, 1021];
  expect(categories(() => answers.shift() ?? 0)).toBe("s0:c3,c5");
  for (let round = 0; round < 200; round++) {
    const [, low, high] = /^s0:c(\d+),c(\d+)$/.exec(categories((below) => Math.floor(Math.random() * below))) ?? [];
    expect(Number(low)).toBeLessThan(Number(high));
    expect(Number(high)).toBeLessThan(1024);
  }
});

test("z shares, and the host's own folders are left alone", () => {
  expect(sharedLabel("u:o:container_file_t:s0:c1,c2")).toBe("u:o:container_file_t:s0");
  for (const path of ["/", "/etc", "/usr", "/usr/lib", "/home", "/var"])
    expect(() => checkRelabel(path)).toThrow(`relabeling of ${path} is not allowed`);
  for (const path of ["/srv/data", "/home/me/x", "/var/lib/hoy/volumes/v/_data"]) expect(() => checkRelabel(path)).not.toThrow();
});
