declare namespace NodeJS {
  interface Process {
    /** Ends at once, without exit handlers: hoy keeps nothing that would need them. */
    reallyExit(code: number): never;
  }
}

/** Texts that are built in: `import text from "x" with { type: "text" }`. */
declare module "*.bash" {
  const text: string;
  export default text;
}
declare module "*.zsh" {
  const text: string;
  export default text;
}
declare module "*.fish" {
  const text: string;
  export default text;
}
