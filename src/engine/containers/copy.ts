/** `cp`: files between a container and the host (moby daemon/archive_unix.go), without a tar where nobody asks for one. */

import { posix } from "node:path";
import { type FileStatus, statAt } from "../../../ffi/at.ts";
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { readInRoot } from "../../runtime/inroot.ts";
import { resolveUser } from "../../runtime/users.ts";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { fileMembers, type TreeMember, treeMembers } from "../../storage/pack.ts";
import type { ByteSource } from "../../storage/tar/reader.ts";
import { writeTar } from "../../storage/tar/writer.ts";
import { copyMembers } from "../../storage/tree-copy.ts";
import { type TreeTarget, treeWriter } from "../../storage/unpack/tree-writer.ts";
import { checkOutput, hostDestination, openFolder, openSource } from "./copy/host.ts";
import { type Inside, insideDestination, isFolder, openInside, openTarget } from "./copy/inside.ts";
import { absolute, planCopy } from "./copy/paths.ts";
import { recordContainer } from "./events.ts";
import type { ContainerRow } from "./row.ts";
import { type View, viewContainer } from "./view.ts";

export interface CopyRequest {
  row: ContainerRow;
  /** As the user named the container, for messages. */
  container: string;
  /** In the container. */
  path: string;
  /** -L: of a link as the source, copy what it leads to. */
  followLink: boolean;
  /** -a: into a container, its own user gets the files; out of it, those who own them there. */
  archive: boolean;
}

export interface Copied {
  /** Bytes of the tar that it would be. */
  bytes: number;
  /** Where to, as it is told. */
  place: string;
}

const END_BYTES = 1024;

/** Out of the container to a path of the host's. Throws HoyError or SysError. */
export async function copyOut(store: Store, request: CopyRequest, hostPath: string): Promise<Copied> {
  const place = absolute(hostPath, process.cwd());
  checkOutput(place);
  using source = openOutgoing(store, request);
  const destination = hostDestination(place);
  const { folder, base } = planCopy(source, destination);
  using target = openFolder(folder);
  const bytes = await write(source.members(base), {
    folder: target.number,
    path: folder,
    owner: request.archive && process.geteuid?.() === 0 ? "archive" : "caller",
  });
  tell(store, request, "archive-path");
  return { bytes, place };
}

/** Out of the container as a tar; each piece is valid until the next one is asked for. Throws HoyError or SysError. */
export async function* copyOutAsTar(store: Store, request: CopyRequest): AsyncGenerator<Uint8Array> {
  using source = openOutgoing(store, request);
  yield* writeTar(source.members(source.base));
  tell(store, request, "archive-path");
}

/** From a path of the host's into the container. Throws HoyError or SysError. */
export async function copyIn(store: Store, request: CopyRequest, hostPath: string): Promise<Copied> {
  const path = absolute(hostPath, process.cwd());
  using view = viewContainer(store, request.row.id);
  const inside = { view, container: request.container };
  const destination = insideDestination(inside, absolute(request.path, "/"));
  using handle = openSource(path, request.followLink);
  const source = { base: posix.basename(path) || "/", isFolder: isFolder(statAt(handle.number, "") as FileStatus) };
  const { folder, base } = planCopy(source, destination);
  using target = openTarget(inside, folder);
  const bytes = await write(membersOf(handle, source.isFolder, base), {
    folder: target.number,
    path: folder,
    root: view.root.number,
    owner: ownerIn(view, request),
  });
  tell(store, request, "extract-to-dir");
  return { bytes, place: `${request.container}:${destination.path}` };
}

/** What a tar holds, packed or not, into a folder of the container. Throws HoyError or SysError. */
export async function copyInTar(store: Store, request: CopyRequest, archive: ByteSource): Promise<void> {
  const [{ decompress }, { tarParser }, { asBuffer }] = await Promise.all([
    import("../../storage/compression.ts"),
    import("../../storage/tar/parser.ts"),
    import("../../storage/tar/reader.ts"),
  ]);
  using view = viewContainer(store, request.row.id);
  const inside = { view, container: request.container };
  const { path, isFolder: fits } = insideDestination(inside, absolute(request.path, "/"));
  if (!fits) throw new HoyError(`destination "${request.container}:${request.path}" must be a directory`, { status: 400 });
  using target = openTarget(inside, path);
  using writer = treeWriter({ folder: target.number, path, root: view.root.number, owner: ownerIn(view, request) });
  const parser = tarParser(writer);
  const { stream } = await decompress(archive, "archive");
  for await (const chunk of stream) parser.feed(asBuffer(chunk));
  parser.finish();
  writer.finish();
  tell(store, request, "extract-to-dir");
}

interface Outgoing extends Disposable {
  base: string;
  isFolder: boolean;
  members(base: string): Iterable<TreeMember>;
}

function openOutgoing(store: Store, { row, container, path, followLink }: CopyRequest): Outgoing {
  const held = new DisposableStack();
  try {
    const view = held.use(viewContainer(store, row.id));
    const inside: Inside = { view, container };
    const whole = absolute(path, "/");
    const handle = held.use(openInside(inside, whole, followLink));
    const folder = isFolder(statAt(handle.number, "") as FileStatus);
    const base = posix.basename(whole) || ".";
    return {
      base,
      isFolder: folder,
      members: (name) => membersOf(handle, folder, name),
      [Symbol.dispose]: () => held.dispose(),
    };
  } catch (error) {
    held.dispose();
    throw error;
  }
}

function* membersOf(handle: Fd, folder: boolean, base: string): Generator<TreeMember> {
  if (!folder) {
    yield* fileMembers(handle, base);
    return;
  }
  using top = open(handle.path, O_RDONLY | O_DIRECTORY);
  yield* treeMembers(top.number, base);
}

async function write(members: Iterable<TreeMember>, target: TreeTarget): Promise<number> {
  using writer = treeWriter(target);
  let bytes = END_BYTES;
  await copyMembers(members, writer, (more) => {
    bytes += more;
  });
  writer.finish();
  return bytes;
}

const MAX_PASSWD = 4 << 20;

function ownerIn({ root }: View, { row, archive }: CopyRequest): TreeTarget["owner"] {
  const { User } = row.options.config;
  if (!archive || User === "") return "archive";
  const text = (path: string): string | undefined => readInRoot(root.number, path, MAX_PASSWD)?.toString("utf8");
  const { uid, gid } = resolveUser({ spec: User, passwd: text("etc/passwd"), group: text("etc/group"), groupAdd: null });
  return { uid, gid };
}

const tell = (store: Store, { row }: CopyRequest, action: string): void =>
  store.db.transaction(() => recordContainer(store, row, action)).immediate();
