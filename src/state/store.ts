/**
 * A store: the folder with the images, containers and volumes, the run folder that belongs to it, and its database.
 * Several stores live side by side; each has a bridge, firewall table and cgroup parent of its own (DESIGN.md 5).
 */
import { Database } from "bun:sqlite";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, realpathSync } from "../../ffi/fs.ts";
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";
import { failureOf, HoyError, reasonOf } from "../spec/error.ts";
import { leaveBy } from "../spec/leave.ts";
import { giveUpReserve, isFull, keepReserve } from "./reserve.ts";
import { migrations } from "./schema.ts";

export interface StorePaths {
  /** Persistent data. */
  readonly root: string;
  /** What does not outlive a reboot: pids, sockets, locks. */
  readonly run: string;
  /** True when the engine does not run as the host's root. */
  readonly rootless: boolean;
  /** Name of the default bridge (15 characters at most), of the firewall table and of the cgroup below which everything runs. */
  readonly name: string;
}

export interface Store extends StorePaths {
  readonly db: Database;
}

/** Inside the user's namespace the id is 0 too: the launcher tells by this variable (see cli/namespace.ts). */
export const ROOTLESS_VARIABLE = "HOY_ROOTLESS_UID";

/** The id of the user on the host, also inside a rootless namespace. */
export const hostUid = (): number => Number(process.env[ROOTLESS_VARIABLE] ?? process.getuid?.() ?? 0);

function privateFolder(path: string, uid: number): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // lstat: a link that somebody else put there is no folder of ours
  const { uid: owner, mode } = lstatSync(path);
  if (owner !== uid && owner !== process.getuid?.())
    throw new HoyError(`${path} belongs to uid ${owner}, not to ${uid}`, { hint: "remove it, or set XDG_RUNTIME_DIR" });
  if (mode & 0o077) throw new HoyError(`${path} can be read by other users`, { hint: `chmod 700 ${path}` });
  return path;
}

/** The run folder of an ordinary user, which all its stores share. */
export function userRunFolder(): string {
  const uid = hostUid();
  return process.env.XDG_RUNTIME_DIR ? join(process.env.XDG_RUNTIME_DIR, "hoy") : privateFolder(join(tmpdir(), `hoy-${uid}`), uid);
}

/** Where the store lies: `root` (from --root or HOY_ROOT), else the user's default. Creates nothing but the rootless run folder. */
export function storePaths(chosen: string | undefined = process.env.HOY_ROOT): StorePaths {
  const uid = hostUid();
  const rootless = uid !== 0;
  const dataHome = process.env.XDG_DATA_HOME || join(process.env.HOME || "/", ".local/share");
  const standard = rootless ? join(dataHome, "hoy") : "/var/lib/hoy";
  const runBase = rootless ? userRunFolder() : "/run/hoy";
  const root = resolve(chosen || standard);
  const real = existsSync(root) ? realpathSync(root) : root;
  if (real === standard) return { root, run: runBase, rootless, name: rootless ? `hoy-u${uid}`.slice(0, 15) : "hoy0" };
  const hash = new Bun.CryptoHasher("sha256").update(`${uid}:${real}`).digest("hex").slice(0, 8);
  return { root, run: join(runBase, "stores", hash), rootless, name: `hoy-${hash}` };
}

/** The folders of a store and their modes: other users of the host may not look in (CVE-2021-41091). */
const FOLDERS = ["", "blobs", "blobs/sha256", "layers", "layers/l", "containers", "volumes", "tmp", "locks"];

/** Opens the store, making folders and database on first use and migrating an older database. */
export function openStore(chosen?: string): Store {
  const paths = storePaths(chosen);
  const file = join(paths.root, "state.db");
  if (!existsSync(file)) makeFolders(paths);
  else if (!existsSync(join(paths.run, "containers"))) makeRunFolders(paths);
  const db = openOrMakeSpace(paths.root, file);
  keepReserve(paths.root);
  return { ...paths, db };
}

/**
 * The write-ahead log goes into the database after so many pages of 4 KB in place of 1000: each command reads the log once, and
 * none but the one that fills it waits for the disk.
 */
const SOME_PAGES = 200;
/** The same on a full disk: the log stays small. */
const FEW_PAGES = 16;

function openOrMakeSpace(root: string, file: string): Database {
  if (!isFull(root)) return openDatabase(file);
  giveUpReserve(root);
  const db = openWithoutSpace(root, file);
  db.exec(`PRAGMA wal_autocheckpoint=${FEW_PAGES}`);
  return db;
}

/**
 * The index of the write-ahead log is a file, unless there can be no other process: then it is memory. Others wait meanwhile, so
 * this is for a disk on which nothing else is possible.
 */
function openWithoutSpace(root: string, file: string): Database {
  try {
    return openDatabase(file);
  } catch (error) {
    if (!isFull(root) || !existsSync(file)) throw error;
  }
  try {
    return openDatabase(file, "PRAGMA locking_mode=EXCLUSIVE");
  } catch (error) {
    throw new HoyError(`no space is left on the file system of ${root}`, {
      hint: "make some room there: not even the state can be read",
      cause: error,
    });
  }
}

function makeRunFolders(paths: StorePaths): void {
  for (const name of ["", "containers", "locks"]) mkdirSync(join(paths.run, name), { recursive: true, mode: 0o700 });
}

function makeFolders(paths: StorePaths): void {
  try {
    for (const name of FOLDERS) mkdirSync(join(paths.root, name), { recursive: true, mode: 0o700 });
    makeRunFolders(paths);
    // The environments of containers are in it: not for others, though the folder may have been there and be open to them. SQLite
    // gives its journal the same mode.
    closeSync(openSync(join(paths.root, "state.db"), "a", 0o600));
  } catch (error) {
    throw new HoyError(`cannot make the store at ${paths.root}: ${failureOf(error)}`, {
      hint: "choose another place with --root or HOY_ROOT",
      cause: error,
    });
  }
}

/** How long to wait for another process's transaction. */
const BUSY_MS = 10_000;

function openDatabase(file: string, locking = ""): Database {
  let db: Database | undefined;
  try {
    db = new Database(file);
    db.exec(
      `PRAGMA busy_timeout=${BUSY_MS}; ${locking}; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=${SOME_PAGES}; PRAGMA foreign_keys=ON;`,
    );
    migrate(db, file);
    // to close it would be to empty its log, which asks the disk several times
    leaveBy((code) => void sys(NR.exit_group, code));
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof HoyError) throw error;
    throw new HoyError(`the state database ${file} cannot be read: ${whyNot(file, error as Error)}`, {
      cause: error,
      hint: "nothing was changed; a copy of the file may help to find out why",
    });
  }
}

/** Of a database at most, as there may be too few descriptors: itself, the log, its index, and the folder. */
const FILES = 4;

/** SQLite says no more than "unable to open database file". */
function whyNot(file: string, error: Error & { code?: string }): string {
  if (error.code !== "SQLITE_CANTOPEN") return error.message;
  const opened: number[] = [];
  try {
    for (let count = 0; count < FILES; count++) opened.push(openSync(file, "r+"));
    return error.message;
  } catch (cause) {
    return reasonOf(cause);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/**
 * What this command commits from here on may be lost with the machine's power, though never with a process: for the state of a
 * container that a reboot ends anyhow, and for containers that are removed at their end.
 */
export const forThisBoot = (store: Store): void => void store.db.exec("PRAGMA synchronous=NORMAL");

/** The opposite, which is the rule: each commit waits for the disk. Before files are removed by what the rows say, above all. */
export const forGood = (store: Store): void => void store.db.exec("PRAGMA synchronous=FULL");

const versionOf = (db: Database): number => (db.query("PRAGMA user_version").get() as { user_version: number }).user_version;

/** The switch to WAL does not wait for others as transactions do: at first use, several processes may try it at once. */
function useWal(db: Database): void {
  for (const end = Date.now() + BUSY_MS; ; Bun.sleepSync(2)) {
    try {
      db.exec("PRAGMA journal_mode=WAL");
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "SQLITE_BUSY" || Date.now() > end) throw error;
    }
  }
}

function migrate(db: Database, file: string): void {
  if (versionOf(db) === migrations.length) return;
  useWal(db);
  db.transaction(() => {
    const version = versionOf(db);
    if (version > migrations.length)
      throw new HoyError(`${file} was written by a newer hoy (schema ${version}, this one knows ${migrations.length})`, {
        hint: "use the newer hoy, or another --root",
      });
    if (version === 0 && db.query("SELECT 1 FROM sqlite_schema").get())
      throw new HoyError(`${file} has tables but no schema version: another program wrote it, or it is damaged`, {
        hint: "nothing was changed; choose another place with --root or HOY_ROOT, or bring a copy of the file back",
      });
    for (const step of migrations.slice(version)) db.exec(step);
    db.exec(`PRAGMA user_version=${migrations.length}`);
  }).immediate();
}
