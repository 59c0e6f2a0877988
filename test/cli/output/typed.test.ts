/** What templates see of an object whose JSON leaves fields out: Go's zero values, as Docker 28 prints them. */
import { expect, test } from "bun:test";
import { typed } from "../../../src/cli/output/template/typed.ts";
import { compileTemplate } from "../../../src/cli/output/template.ts";
import { CONTAINER_FIELDS } from "../../../src/engine/containers/inspect-fields.ts";
import { IMAGE_FIELDS } from "../../../src/engine/images/inspect-fields.ts";

const container = {
  Id: "abc",
  State: { Status: "running" },
  Mounts: [
    { Type: "bind", Source: "/a" },
    { Type: "volume", Name: "v", Driver: "local" },
  ],
  Config: { Labels: {}, Volumes: null, Cmd: null },
  HostConfig: { PidsLimit: null, OomKillDisable: null, Binds: null, NanoCpus: 5 },
  NetworkSettings: { Networks: { bridge: { IPAMConfig: null, DriverOpts: null, Links: null } } },
};

const CONTAINER: Record<string, string> = {
  "{{.ID}} {{.Id}}": "abc abc",
  "{{if .State.Health}}yes{{else}}no{{end}} {{.State.Health}}": "no <nil>",
  "{{with .State.Health}}{{.Status}}{{end}}": "",
  "[{{.Config.StopSignal}}] {{.Config.StopTimeout}} {{.Config.Healthcheck}} {{.Config.Shell}}": "[] <nil> <nil> []",
  "{{.HostConfig.Init}} {{.HostConfig.Tmpfs}} {{.HostConfig.Mounts}} {{.HostConfig.Sysctls}}": "<nil> map[] [] map[]",
  "{{.HostConfig.StorageOpt}} {{.HostConfig.Annotations}} {{.HostConfig.PidsLimit}}": "map[] map[] <nil>",
  "{{.HostConfig.OomKillDisable}} {{.HostConfig.Binds}} {{.Config.Volumes}}": "<nil> [] map[]",
  "{{.HostConfig.NanoCPUs}}": "5",
  "{{.SizeRw}} {{.SizeRootFs}}": "<nil> <nil>",
  "{{range .Mounts}}{{.Type}}={{.Name}};{{end}}": "bind=;volume=v;",
  "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{$v.IPAMConfig}} {{$v.DriverOpts}} {{$v.Links}}{{end}}": "bridge <nil> map[] []",
  '{{len .HostConfig.Tmpfs}} {{index .HostConfig.Tmpfs "/x"}}{{range .HostConfig.Tmpfs}}x{{end}} {{.HostConfig.Tmpfs.x}}': "0  <no value>",
  "{{if eq .HostConfig.PidsLimit nil}}unlimited{{end}}": "unlimited",
  "{{json .State}} {{json .HostConfig}} {{json .HostConfig.Tmpfs}}":
    '{"Status":"running"} {"PidsLimit":null,"OomKillDisable":null,"Binds":null,"NanoCpus":5} null',
  "{{json .Mounts}}": '[{"Type":"bind","Source":"/a"},{"Type":"volume","Name":"v","Driver":"local"}]',
};

for (const [template, text] of Object.entries(CONTAINER))
  test(template, () => expect(compileTemplate(template)(typed(container, CONTAINER_FIELDS))).toBe(text));

test("what Docker does not have is an error, and so is what lies behind a nil pointer", () => {
  const show = (template: string) => compileTemplate(template)(typed(container, CONTAINER_FIELDS));
  expect(() => show("{{.Nope}}")).toThrow('map has no entry for key "Nope"');
  expect(() => show("{{.HostConfig.Nope}}")).toThrow('map has no entry for key "Nope"');
  expect(() => show("{{.State.Health.Status}}")).toThrow("nil pointer evaluating interface {}.Status");
});

test("an image", () => {
  const show = (template: string, image: object) => compileTemplate(template)(typed(image, IMAGE_FIELDS));
  const all =
    "[{{.Config.User}}] {{.Config.Entrypoint}} [{{.Config.WorkingDir}}] {{.Config.Labels}} {{.Config.Volumes}} {{.Config.ExposedPorts}} [{{.Config.StopSignal}}] [{{.Variant}}]";
  expect(show(all, { Config: {} })).toBe("[] [] [] map[] map[] map[] [] []");
  expect(show(all, { Config: { User: "u", Entrypoint: ["a"], Labels: { a: "b" } }, Variant: "v8" })).toBe(
    "[u] [a] [] map[a:b] map[] map[] [] [v8]",
  );
  expect(show("{{.Config}}", { Config: null })).toBe("<nil>");
});
