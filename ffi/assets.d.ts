declare module "*.txt" {
  const text: string;
  export default text;
}

declare module "*.c" {
  const text: string;
  export default text;
}
