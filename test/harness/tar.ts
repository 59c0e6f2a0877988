/**
 * A tar writer for tests, apart from hoy's own: POSIX ustar with PAX headers, and nothing between the test and the bytes, so that
 * hostile archives can be made too.
 */
export interface TarEntry {
  readonly name: string;
  /** The header's type flag; without it "0" for what has data, "5" for a name that ends with a slash. */
  readonly type?: "0" | "1" | "2" | "3" | "4" | "5" | "6" | "g" | "x" | "L" | "K" | "S";
  readonly data?: string | Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds; a fraction goes into a PAX record. */
  readonly mtime?: number;
  /** Target of a hard link (type "1") or symbolic link ("2"). */
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
  /** PAX records, `SCHILY.xattr.user.note` among them. */
  readonly pax?: Readonly<Record<string, string>>;
  /** Size in the header when it is not the data's, for broken archives. */
  readonly size?: number;
}

const BLOCK = 512;
const encoder = new TextEncoder();

function padded(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(data.length / BLOCK) * BLOCK);
  out.set(data);
  return out;
}

/** `LENGTH key=value\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = encoder.encode(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.concat([encoder.encode(String(length)), rest]);
}

function header(entry: TarEntry, type: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number) =>
    block.write(
      `${Math.floor(value)
        .toString(8)
        .padStart(width - 1, "0")}\0`,
      at,
    );
  block.write(entry.name, 0, 100);
  octal(entry.mode ?? (type === "5" ? 0o755 : 0o644), 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(entry.mtime ?? 0, 136, 12);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(entry.link ?? "", 157, 100);
  block.write("ustar\x0000", 257);
  octal(entry.major ?? 0, 329, 8);
  octal(entry.minor ?? 0, 337, 8);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return block;
}

function paxOf(entry: TarEntry): Record<string, string> {
  const pax: Record<string, string> = { ...entry.pax };
  if (encoder.encode(entry.name).length > 100) pax.path ??= entry.name;
  if (encoder.encode(entry.link ?? "").length > 100) pax.linkpath ??= entry.link ?? "";
  if (entry.mtime !== undefined && !Number.isInteger(entry.mtime)) pax.mtime ??= String(entry.mtime);
  return pax;
}

/** The blocks of one entry, its PAX header first where it needs one. */
function blocks(entry: TarEntry): Uint8Array[] {
  const data = typeof entry.data === "string" ? encoder.encode(entry.data) : (entry.data ?? new Uint8Array());
  const type = entry.type ?? (entry.name.endsWith("/") ? "5" : "0");
  const own = [header(entry, type, entry.size ?? data.length), padded(data)];
  const pax = paxOf(entry);
  if (Object.keys(pax).length === 0) return own;
  const records = Buffer.concat(Object.entries(pax).map(([key, value]) => paxRecord(key, value)));
  return [header({ name: "pax" }, "x", records.length), padded(records), ...own];
}

/** A whole archive with its two closing blocks. */
export const tar = (entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat([...entries.flatMap(blocks), new Uint8Array(2 * BLOCK)]));
