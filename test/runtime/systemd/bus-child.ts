/** A small server of D-Bus for bus.test.ts: `bus-child.ts SOCKET bus|direct|rejects`. Prints a line when it listens. */
import { createServer } from "node:net";
import { decodeMessage, encodeMessage, type Message, MessageType, messageLength } from "../../../src/runtime/systemd/message.ts";

const [, , path = "", kind] = process.argv;

const answer = (call: Message, more: Partial<Message>): Buffer =>
  encodeMessage({ type: MessageType.reply, serial: 1, replyTo: call.serial, signature: "", body: [], ...more });

createServer((socket) => {
  let received: Buffer = Buffer.alloc(0);
  let begun = false;
  let greeted = kind !== "bus";

  const authenticate = (line: string): void => {
    if (line === "\0AUTH EXTERNAL") socket.write(kind === "rejects" ? "REJECTED ANONYMOUS\r\n" : "DATA\r\n");
    else if (line === "DATA") socket.write("OK 0123456789abcdef\r\n");
    else if (line === "BEGIN") begun = true;
    else socket.destroy();
  };

  const serve = (call: Message): void => {
    const { member, signature, body } = call;
    if (!greeted && member !== "Hello") return void socket.destroy();
    greeted = true;
    if (member === "Leave") socket.destroy();
    else if (member === "Fail")
      socket.write(answer(call, { type: MessageType.error, errorName: "x.y.Failed", signature: "s", body: ["it failed"] }));
    else if (member === "Signal") {
      const signal: Message = { type: MessageType.signal, serial: 2, path: "/p", interface: "i.f", member: "Done", signature, body };
      socket.write(Buffer.concat([encodeMessage(signal), answer(call, { signature, body })]));
    } else {
      // in two pieces, with time between
      const bytes = answer(call, { signature, body });
      socket.write(bytes.subarray(0, 20));
      setTimeout(() => socket.write(bytes.subarray(20)), 20);
    }
  };

  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      if (!begun) {
        const end = received.indexOf("\r\n");
        if (end < 0) return;
        const line = received.toString("latin1", 0, end);
        received = received.subarray(end + 2);
        authenticate(line);
        continue;
      }
      const length = messageLength(received);
      if (length === undefined || received.length < length) return;
      serve(decodeMessage(Buffer.from(received.subarray(0, length))));
      received = received.subarray(length);
    }
  });
}).listen(path, () => console.log("listening"));
