/**
 * A proxy in front of a real registry that spoils chosen answers: cut off, stalled, altered, refused or sent elsewhere. It writes
 * its answers onto the socket by hand, as no HTTP server sends a wrong Content-Length.
 */
import { createServer, type Socket } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How often this method and path came before. */
  readonly earlier: number;
}

export interface Spoil {
  /** Closes the connection after so many bytes of the body. */
  readonly cut?: number;
  /** Sends nothing more after so many bytes of the body, and keeps the connection. */
  readonly stall?: number;
  /** Inverts the byte at this position. */
  readonly flip?: number;
  /** Content-Length to announce. */
  readonly length?: number;
  /** So many bytes more, and no Content-Length. */
  readonly extra?: number;
  /** An answer in place of the registry's. */
  readonly answer?: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array };
  /** Headers on top of the registry's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The registry does not get to see the Range header. */
  readonly ignoreRange?: boolean;
}

export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly seen: readonly SeenRequest[];
}

interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

function parseHead(head: string): Pick<SeenRequest, "method" | "path" | "headers"> {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { method, path, headers };
}

async function ask(target: string, request: SeenRequest, ignoreRange: boolean): Promise<Reply> {
  const passed = ["accept", "authorization", ...(ignoreRange ? [] : ["range"])];
  const headers = Object.fromEntries(
    passed.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])),
  );
  const reply = await fetch(`http://${target}${request.path}`, { method: request.method, headers, redirect: "manual", decompress: false });
  return { status: reply.status, headers: Object.fromEntries(reply.headers), body: await reply.bytes() };
}

function send(socket: Socket, request: SeenRequest, reply: Reply, spoil: Spoil): void {
  const body = new Uint8Array(reply.body.length + (spoil.extra ?? 0));
  body.set(reply.body);
  if (spoil.flip !== undefined && spoil.flip < body.length) body[spoil.flip] = (body[spoil.flip] ?? 0) ^ 0xff;
  const dropped = ["connection", "keep-alive", "transfer-encoding", "date"];
  const headers = Object.entries({ ...reply.headers, ...spoil.headers }).filter(([name]) => !dropped.includes(name.toLowerCase()));
  const isHead = request.method === "HEAD";
  const others = headers.filter(([name]) => isHead || name.toLowerCase() !== "content-length");
  const length: [string, string][] = isHead || spoil.extra !== undefined ? [] : [["Content-Length", String(spoil.length ?? body.length)]];
  const lines = [...others, ...length].map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${reply.status} X\r\n${lines.join("")}Connection: close\r\n\r\n`);
  const stop = spoil.cut ?? spoil.stall;
  if (!isHead) socket.write(stop === undefined ? body : body.subarray(0, stop));
  if (spoil.stall !== undefined) return;
  if (spoil.cut === undefined) socket.end();
  // Time for what was written to leave before the reset.
  else setTimeout(() => socket.destroy(), 20);
}

/** Starts a proxy before the registry at `target`; `spoil` says for each request what to do with it, undefined: nothing. */
export async function startFaultProxy(target: string, spoil: (request: SeenRequest) => Spoil | undefined): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();

  async function serve(socket: Socket, head: string, body: string): Promise<void> {
    const parsed = parseHead(head);
    const earlier = seen.filter(({ method, path }) => method === parsed.method && path === parsed.path).length;
    const request = { ...parsed, body, earlier };
    seen.push(request);
    const change = spoil(request) ?? {};
    const { answer } = change;
    const reply = answer
      ? { status: answer.status, headers: { ...answer.headers }, body: Buffer.from(answer.body ?? "") }
      : await ask(target, request, change.ignoreRange ?? false);
    send(socket, request, reply, change);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let text = "";
    let served = false;
    socket.on("data", (data) => {
      // A TLS handshake: it speaks plain HTTP only, and says so at once as real servers do.
      if (text === "" && data[0] === 0x16) return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      text += data.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0 || served) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      served = true;
      void serve(socket, text.slice(0, end), text.slice(end + 4)).catch(() => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
