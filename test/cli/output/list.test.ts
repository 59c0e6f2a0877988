import { describe, expect, test } from "bun:test";
import { formatList, type ListKind } from "../../../src/cli/output/list.ts";
import { alignColumns } from "../../../src/cli/output/table.ts";

interface Item {
  id: string;
  name: string;
}

const kind: ListKind<Item> = {
  fields: {
    Name: { heading: "NAME", value: ({ name }) => name },
    ID: { heading: "THE ID", value: ({ id }) => id },
  },
  methods: { Label: ({ name }, key) => `${name}/${key}` },
};
const items = [
  { id: "1234567890ab", name: "a" },
  { id: "2", name: "longer-name" },
];
const list = (format?: string, quiet?: string): Promise<string> => formatList({ items, kind, table: ["ID", "Name"], format, quiet });

describe("lists", () => {
  test("a table by default, and with the word alone", async () => {
    expect(await list()).toBe("THE ID         NAME\n1234567890ab   a\n2              longer-name\n");
    expect(await list("table")).toBe(await list());
  });

  test("a table of one's own has the headings of its fields", async () => {
    expect(await list("table {{.Name}}\\t{{.ID}}")).toBe("NAME          THE ID\na             1234567890ab\nlonger-name   2\n");
    expect((await list('table {{upper .Name}}\\t{{.Label "com.example.my-zone"}}')).split("\n")[0]).toBe("NAME          my zone");
  });

  test("JSON has a line an item, with its fields in alphabetical order", async () => {
    expect(await list("json")).toBe('{"ID":"1234567890ab","Name":"a"}\n{"ID":"2","Name":"longer-name"}\n');
    expect(await list("{{json .}}")).toBe(await list("json"));
  });

  test("a template is run for each item, without headings", async () => {
    expect(await list("{{.Name}}\\t{{.Label `x`}}")).toBe("a\ta/x\nlonger-name\tlonger-name/x\n");
  });

  test("-q goes before the format", async () => {
    expect(await list("table {{.Name}}", "ID")).toBe("1234567890ab\n2\n");
  });

  test("an empty list is its headings", async () => {
    expect(await formatList({ items: [], kind, table: ["ID", "Name"], format: undefined })).toBe("THE ID    NAME\n");
    expect(await formatList({ items: [], kind, table: ["ID"], format: "json" })).toBe("");
  });

  test("an unknown field is an error, a wrong argument too", async () => {
    expect(list("{{.Nope}}")).rejects.toThrow('map has no entry for key "Nope"');
    expect(list("{{.Label}}")).rejects.toThrow("wrong number of args for Label: want 1 got 0");
  });
});

test("columns are ten wide at least, and three spaces apart", () => {
  expect(alignColumns("A\tB\nlonger cell\tx\n")).toBe("A             B\nlonger cell   x\n");
  expect(alignColumns("A\tB\tC\n1\t2\t\n")).toBe("A         B         C\n1         2         \n");
});

test("a column ends where a line has none", () => {
  expect(alignColumns("a very long cell\tx\nplain\nb\ty\n")).toBe("a very long cell   x\nplain\nb         y\n");
});
