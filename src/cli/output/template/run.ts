/** Evaluates a template's tree (text/template/exec.go). */
import type { HoyError } from "../../../spec/error.ts";
import { CallError, type Parameter, templateFunctions } from "./functions.ts";
import { templateError } from "./lex.ts";
import type { Block, Command, Node, Operand, Pipe } from "./parse.ts";
import { entriesOf, isMap, isNil, isTrue, NIL_MAP, show, typeName, type Value } from "./value.ts";

/** What a pipeline hands to its next command; none is not the same as undefined. */
type Final = { value: Value } | undefined;

const WANTED: Record<Parameter, string> = { any: "interface {}", string: "string", int: "int", strings: "[]string" };

class Run {
  output = "";
  readonly variables: { name: string; value: Value }[];

  constructor(
    readonly source: string,
    data: Value,
    readonly functions: typeof templateFunctions,
  ) {
    this.variables = [{ name: "$", value: data }];
  }

  fail({ at, text }: { at: number; text: string }, message: string): HoyError {
    return templateError(this.source, at, message, text);
  }

  /** Returns what ended the list before its end. */
  list(nodes: readonly Node[], dot: Value): "break" | "continue" | undefined {
    for (const node of nodes) {
      const end = this.node(node, dot);
      if (end) return end;
    }
    return undefined;
  }

  node(node: Node, dot: Value): "break" | "continue" | undefined {
    if (node.kind === "text") this.output += node.text;
    else if (node.kind === "print") {
      const value = this.pipe(node.pipe, dot);
      if (node.pipe.names.length === 0) this.output += value === undefined ? "<no value>" : show(value);
    } else if (node.kind === "break" || node.kind === "continue") return node.kind;
    else {
      const depth = this.variables.length;
      const end = this.block(node, dot);
      this.variables.length = depth;
      return end;
    }
    return undefined;
  }

  block(node: Block, dot: Value): "break" | "continue" | undefined {
    const { kind, pipe, body, otherwise } = node;
    if (kind === "range") return this.range(node, dot);
    const value = this.pipe(pipe, dot);
    if (!isTrue(value)) return this.list(otherwise, dot);
    return this.list(body, kind === "with" ? value : dot);
  }

  range({ pipe, body, otherwise }: Block, dot: Value): "break" | "continue" | undefined {
    const entries = this.entries(pipe, this.pipe({ ...pipe, names: [] }, dot));
    if (entries.length === 0) return this.list(otherwise, dot);
    const depth = this.variables.length;
    for (const [key, value] of entries) {
      const [first, second] = pipe.names;
      if (first !== undefined) this.set(first, second === undefined ? value : key, pipe.assigns);
      if (second !== undefined) this.set(second, value, pipe.assigns);
      const end = this.list(body, value);
      this.variables.length = depth;
      if (end === "break") break;
    }
    return undefined;
  }

  entries(pipe: Pipe, value: Value): [Value, Value][] {
    if (isNil(value)) return [];
    if (Array.isArray(value)) return value.map((entry, at) => [at, entry]);
    if (typeof value === "object") return entriesOf(value);
    if (typeof value === "number" && Number.isInteger(value)) return Array.from({ length: Math.max(0, value) }, (_, at) => [at, at]);
    throw this.fail(pipe, `range can't iterate over ${show(value)}`);
  }

  set(name: string, value: Value, assigns: boolean): void {
    const known = assigns ? this.variables.findLast((variable) => variable.name === name) : undefined;
    if (known) known.value = value;
    else this.variables.push({ name, value });
  }

  pipe({ commands, names, assigns }: Pipe, dot: Value): Value {
    let final: Final;
    for (const command of commands) final = { value: this.command(command, dot, final) };
    for (const name of names) this.set(name, final?.value, assigns);
    return final?.value;
  }

  command(command: Command, dot: Value, final: Final): Value {
    const [first, ...others] = command.operands as [Operand, ...Operand[]];
    if (first.kind === "function") return this.call(command, { name: first.name, operands: others, dot, final });
    if (first.kind === "nil") throw this.fail(first, "nil is not a command");
    if (first.kind === "field" || first.kind === "variable" || first.kind === "chain") {
      const found = this.resolve(first, dot);
      if (typeof found === "function") return this.method(first, found as (...values: Value[]) => Value, { operands: others, dot, final });
      const count = others.length + (final ? 1 : 0);
      if (count === 0) return found;
      if (first.kind === "field") throw this.fail(first, `${first.names.at(-1)} has arguments but cannot be invoked as function`);
    }
    if (others.length > 0 || final) throw this.fail(first, `can't give argument to non-function ${first.text}`);
    return this.operand(first, dot);
  }

  method(
    operand: Operand,
    act: (...values: Value[]) => Value,
    { operands, dot, final }: { operands: Operand[]; dot: Value; final: Final },
  ): Value {
    const values = operands.map((each) => this.operand(each, dot));
    if (final) values.push(final.value);
    const name = operand.text.split(".").at(-1);
    if (values.length !== act.length) throw this.fail(operand, `wrong number of args for ${name}: want ${act.length} got ${values.length}`);
    return act(...values);
  }

  operand(operand: Operand, dot: Value): Value {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return undefined;
      case "literal":
        return operand.value;
      case "function":
        return this.call({ ...operand, operands: [operand] }, { name: operand.name, operands: [], dot, final: undefined });
      default: {
        const found = this.resolve(operand, dot);
        return typeof found === "function" ? this.method(operand, found as () => Value, { operands: [], dot, final: undefined }) : found;
      }
    }
  }

  resolve(operand: Operand & { names: string[] }, dot: Value): Value {
    let value = dot;
    if (operand.kind === "variable") value = this.variables.findLast(({ name }) => name === operand.name)?.value;
    if (operand.kind === "chain") value = this.pipe(operand.pipe, dot);
    for (const name of operand.names) value = this.field(operand, value, name);
    return value;
  }

  field(operand: Operand, value: Value, name: string): Value {
    if (value === NIL_MAP) return undefined;
    if (isNil(value)) throw this.fail(operand, `nil pointer evaluating interface {}.${name}`);
    if (typeof value !== "object" || Array.isArray(value))
      throw this.fail(operand, `can't evaluate field ${name} in type ${typeName(value)}`);
    if (value instanceof Map) return (value as Map<string, Value>).get(name);
    if (Object.hasOwn(value, name)) return (value as Record<string, Value>)[name];
    if (isMap(value)) return undefined;
    throw this.fail(operand, `map has no entry for key ${JSON.stringify(name)}`);
  }

  call(command: Command, { name, operands, dot, final }: { name: string; operands: Operand[]; dot: Value; final: Final }): Value {
    const definition = this.functions[name];
    if (!definition) throw this.fail(command, `${JSON.stringify(name)} is not a defined function`);
    const { parameters, rest, call } = definition;
    const count = operands.length + (final ? 1 : 0);
    if (count < parameters.length || (!rest && count > parameters.length)) {
      const wanted = rest ? `at least ${parameters.length}` : String(parameters.length);
      throw this.fail({ at: command.at, text: name }, `wrong number of args for ${name}: want ${wanted} got ${count}`);
    }
    const short = name === "and" || name === "or";
    const values: Value[] = [];
    for (const [at, operand] of operands.entries()) {
      const value = this.operand(operand, dot);
      if (short && isTrue(value) === (name === "or")) return value;
      values.push(this.checked(operand, value, parameters[at] ?? rest ?? "any"));
    }
    if (final) values.push(this.checked(command, final.value, parameters[operands.length] ?? rest ?? "any"));
    try {
      return call(...(values as never[]));
    } catch (error) {
      if (error instanceof CallError) throw this.fail(command, `error calling ${name}: ${error.message}`);
      throw error;
    }
  }

  checked(operand: Operand | Command, value: Value, wanted: Parameter): Value {
    if (wanted === "any" || typeName(value) === WANTED[wanted]) return value;
    if (wanted === "strings" && (value === null || (Array.isArray(value) && value.length === 0))) return value;
    if ("kind" in operand && operand.kind === "literal") throw this.fail(operand, `expected ${wanted}; found ${operand.text}`);
    if (value === undefined) throw this.fail(operand, `invalid value; expected ${WANTED[wanted]}`);
    throw this.fail(operand, `wrong type for value; expected ${WANTED[wanted]}; got ${typeName(value)}`);
  }
}

/** Evaluates the tree on the data. Throws HoyError in Go's words, with the place in the template. */
export function runTemplate(source: string, nodes: readonly Node[], data: Value, functions = templateFunctions): string {
  const run = new Run(source, data, functions);
  run.list(nodes, data);
  return run.output;
}
