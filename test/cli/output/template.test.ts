/** Templates. What they are to give was checked against Docker's own client (`docker context ls --format …`, 28.2). */
import { describe, expect, test } from "bun:test";
import { compileTemplate } from "../../../src/cli/output/template.ts";

const data = {
  Name: "default",
  Error: "",
  Count: 3,
  Ratio: 1.5,
  Current: true,
  Nothing: null,
  List: ["a", "b", "c"],
  Empty: [],
  Labels: { "com.example.a": "1", zone: "x" },
  State: { Running: true, Health: { Status: "fine" } },
};

const cases: Record<string, string> = {
  "plain text": "plain text",
  "{{.Name}}": "default",
  "{{$größe := 1}}{{$größe}}{{$é := 2}}{{$é}}": "12",
  "{{ .Name }}!": "default!",
  "{{(.Name)}}": "default",
  "{{.State.Health.Status}}": "fine",
  "{{(.State).Running}}": "true",
  "{{.Name}}}}": "default}}",
  '{{.Name | printf "%q"}}': '"default"',
  '{{.Name | upper | lower | printf "%s-%s" "a"}}': "a-default",
  '{{index .Labels "com.example.a"}}': "1",
  '{{index .Labels "none"}}': "",
  "{{.Labels.zone}} {{.Labels.none}}": "x <no value>",
  "{{.Labels}}": "map[com.example.a:1 zone:x]",
  "{{.List}} {{.Empty}} {{.Nothing}}": "[a b c] [] []",
  "{{index .List 1}}{{index .Name 1}}": "b101",
  "{{len .Name}} {{len .List}} {{len .Labels}}": "7 3 2",
  "{{slice .Name 1 3}} {{slice .List 1}}": "ef [b c]",
  "{{json .Name}} {{json .List}} {{json .Nothing}} {{json .Ratio}}": '"default" ["a","b","c"] null 1.5',
  '{{json "a<b>&"}}': '"a<b>&"',
  '{{join .List "-"}} {{split "a,b" ","}}': "a-b-c [a b]",
  '{{title "hello wOrld-foo"}} {{upper "a"}} {{lower "B"}}': "Hello WOrld-Foo A b",
  '{{pad .Name 2 3}}|{{pad "" 2 3}}|': "  default   ||",
  '{{truncate .Name 3}} {{truncate "ab" 5}}': "def ab",
  '{{print 1 2 "a" "b" 3 4}}': "1 2ab3 4",
  '{{println 1 "a" 2}}': "1 a 2\n",
  '{{printf "%5d|%-5s|%05d|%x|%v|%t|%.2f|%c|%q|%%|%d" 1 "a" 2 255 "v" true 1.5 65 "q"}}':
    '    1|a    |00002|ff|v|true|1.50|A|"q"|%|%!d(MISSING)',
  '{{printf "%08.3f|%+d|%x|%#x|%-8q|%T" 3.14159 5 "hi" 255 "a" 1}}': '0003.142|+5|6869|0xff|"a"     |int',
  '{{printf "%d" "s"}} {{printf "%s" 5}} {{printf "%d" 1 2}}': "%!d(string=s) %!s(int=5) 1%!(EXTRA int=2)",
  "{{1.5}} {{1e3}} {{0x10}} {{-3}} {{.5}} {{'a'}} {{true}} {{1_000}} {{010}}": "1.5 1000 16 -3 0.5 97 true 1000 8",
  '{{"\\u00e9\\t\\x41"}}{{`raw\\n`}}': "é\tAraw\\n",
  "{{eq 1 1}}{{eq 1 2 1}}{{ne 1 1}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 2 1}}": "truetruefalsetruetruefalsetrue",
  '{{eq .Name "default"}}{{lt "a" "b"}}': "truetrue",
  '{{and 1 0 2}}{{or 0 "" "x"}}{{not 1}}{{and 1 2}}': "0xfalse2",
  "{{or .Name (index .List 9)}}": "default",
  '{{if eq .Name "x"}}X{{else if .Current}}C{{else}}E{{end}}': "C",
  "{{if .Error}}e{{end}}{{if not .Error}}ok{{end}}": "ok",
  "{{with .State}}{{.Running}}{{end}}{{with .Error}}x{{else}}none{{end}}": "truenone",
  "{{with .Error}}a{{else with .Name}}{{.}}{{end}}": "default",
  "{{with $x := .Name}}{{$x}}{{$.Count}}{{end}}": "default3",
  "{{range .List}}[{{.}}]{{end}}{{range .Empty}}x{{else}}none{{end}}": "[a][b][c]none",
  "{{range $i, $e := .List}}{{$i}}={{$e}},{{end}}": "0=a,1=b,2=c,",
  "{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}": "com.example.a:1 zone:x ",
  "{{range 3}}{{.}}{{end}}": "012",
  '{{range .List}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}': "ac",
  '{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}': "a",
  "{{$a := 1}}{{range .List}}{{$a = .}}{{end}}{{$a}}": "c",
  "a {{- .Name -}}  b": "adefaultb",
  "a {{- /* c */ -}} b|{{/* d */}}|": "ab||",
  "{{.Name -}}\n  x {{.Count}}": "defaultx 3",
  '{{html "<a>"}}{{urlquery "a b&"}}': "&lt;a&gt;a+b%26",
};

describe("templates", () => {
  for (const [template, text] of Object.entries(cases)) test(template, () => expect(compileTemplate(template)(data)).toBe(text));
});

const mistakes: Record<string, string> = {
  "{{.Foo": ":1: unclosed action",
  "{{}}": ":1: missing value for command",
  "{{if}}x{{end}}": ":1: missing value for if",
  "{{foo .Name}}": ':1: function "foo" not defined',
  "{{$x}}": ':1: undefined variable "$x"',
  "{{if .Name}}": ":1: unexpected EOF",
  "{{end}}": ":1: unexpected {{end}}",
  "{{else}}": ":1: unexpected {{else}}",
  "{{break}}": ":1: {{break}} outside {{range}}",
  "{{.Name}": ":1: bad character U+007D '}'",
  '{{"a}}': ":1: unterminated quoted string",
  "{{/* a }}": ":1: unclosed comment",
  "{{ .Name,}}": ':1: unexpected "," in operand',
  "{{range $i,$e,$f := .}}{{end}}": ":1: too many declarations in range",
  "{{.Name | 5}}": ":1: non executable command in pipeline stage 2",
  "a\n{{.Foo}}": ':2:2: executing "" at <.Foo>: map has no entry for key "Foo"',
  "{{.Name.Foo}}": ':1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type string',
  "{{$x := 1}}{{$x.y}}": ':1:15: executing "" at <$x.y>: can\'t evaluate field y in type int',
  "{{nil}}": ':1:2: executing "" at <nil>: nil is not a command',
  '{{eq 1 "a"}}': ':1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison',
  "{{eq .Name}}": ':1:2: executing "" at <eq .Name>: error calling eq: missing argument for comparison',
  "{{range .Name}}x{{end}}": ':1:8: executing "" at <.Name>: range can\'t iterate over default',
  '{{join .Name "a"}}': ':1:7: executing "" at <.Name>: wrong type for value; expected []string; got string',
  "{{upper}}": ':1:2: executing "" at <upper>: wrong number of args for upper: want 1 got 0',
  "{{upper 1}}": ':1:8: executing "" at <1>: expected string; found 1',
  '{{"a" "b"}}': ':1:2: executing "" at <"a">: can\'t give argument to non-function "a"',
  '{{slice "abc" 5}}': ':1:2: executing "" at <slice "abc" 5>: error calling slice: index out of range: 5',
  "{{len 3}}": ':1:2: executing "" at <len 3>: error calling len: len of type int',
};

describe("mistakes are told in Go's words", () => {
  for (const [template, message] of Object.entries(mistakes))
    test(template, () => expect(() => compileTemplate(template)(data)).toThrow(`template parsing error: template: ${message}`));
});

test("what every object has is no data", () => {
  expect(() => compileTemplate("{{.constructor}}")({ Name: 1 })).toThrow("map has no entry");
  expect(compileTemplate("{{.constructor}}{{.toString}}")({ a: 1 })).toBe("<no value><no value>");
});
