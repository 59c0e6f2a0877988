/** Text of others in our messages: names in archives, answers of registries, documents. It shall not act on the terminal. */

/** Control characters but line ends as `\xNN`. */
export const printable = (text: string): string =>
  text.replace(/(?!\n)\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
