/** Opens a data directory for one process, and explains why a directory cannot be used. */
import { dirname, join } from "node:path";
import { exists } from "../shared/files.ts";

/** A data directory that is locked for this process. Disposing it releases the lock. */
export interface DataDir extends Disposable {
  readonly path: string;
}

/** Why a data directory or database cannot be used; the message is one line for the operator. */
export class DataDirError extends Error {
  override name = "DataDirError";

  /** @param wayOut the next step of the operator of a server, as one sentence without a period */
  constructor(readonly violation: string, wayOut: string) {
    super(`${violation}; ${wayOut}`);
  }
}

/** The file in a data directory whose lock belongs to the process that uses the directory. */
const LOCK = "lock";
/** What a server reads and writes in the directory; other files belong to the operator. */
const OWN_NAME =
  /^(?:(?:contents\.)?lock|restoring|invoked\.db(?:-(?:wal|shm|journal|compact))?|master\.key|commit-blobs|volume-blobs|tls|cache|work)$/;

const ELSEWHERE = "choose another directory with --data";

/** The directory of a restore in a data directory. No server starts on the directory before the restore is complete. */
export const RESTORING = "restoring";

/** Creates the directory (0700) if it does not exist, and locks it. @throws DataDirError */
export async function openDataDir(path: string): Promise<DataDir> {
  const opened = await lockDataDir(path);
  try {
    await assertRestored(path);
    return opened;
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

/** @throws DataDirError for a directory whose restore did not end */
export async function assertRestored(path: string): Promise<void> {
  if (!await exists(join(path, RESTORING))) return;
  throw new DataDirError(
    `Data directory ${path} is incomplete: a restore of a backup did not end`,
    "run invoked restore again, which begins anew",
  );
}

/** As {@link openDataDir}, also for a directory whose restore did not end. @throws DataDirError */
export async function lockDataDir(path: string): Promise<DataDir> {
  const lock = await openLock(path);
  try {
    if (!await tryLock(lock, path)) {
      throw new DataDirError(
        `Data directory ${path} is in use by another server`,
        `stop that server, or ${ELSEWHERE}`,
      );
    }
    return { path, [Symbol.dispose]: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

async function openLock(path: string): Promise<Deno.FsFile> {
  let opening = path;
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    // Before anything is written: what another user left there could lead elsewhere.
    const foreign = await foreignEntry(path);
    if (foreign !== undefined) throw unusable(path, foreign);
    await Deno.chmod(path, 0o700);
    opening = join(path, LOCK);
    return await Deno.open(opening, { create: true, write: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof DataDirError) throw error;
    throw unusable(path, await obstacleOf(error, opening));
  }
}

/** @returns false if another process has the lock */
async function tryLock(lock: Deno.FsFile, path: string): Promise<boolean> {
  try {
    return await lock.tryLock(true);
  } catch (error) {
    const violation = `its file system does not support locks (${messageOf(error)})`;
    const wayOut = "choose a directory on a local file system with --data";
    throw unusable(path, { violation, wayOut });
  }
}

/**
 * Checks that programs run in a directory of the data directory: builds start their bundler there, and sandboxes map
 * libraries from it. The directory need not exist.
 * @throws DataDirError
 */
export async function assertRunsPrograms(dataDir: string, directory: string): Promise<void> {
  const inside = await Deno.realPath(await existingAbove(directory));
  const program = join(inside, `.program-${crypto.randomUUID()}`);
  try {
    await Deno.writeFile(program, new Uint8Array(), { createNew: true, mode: 0o700 });
  } catch (error) {
    throw unusable(dataDir, await obstacleOf(error, inside));
  }
  try {
    await new Deno.Command(program, { clearEnv: true, stdin: "null" }).output();
  } catch (error) {
    // An empty program has no form that every kernel runs, but only the directory denies access to it.
    if (!(error instanceof Deno.errors.PermissionDenied)) return;
    throw unusable(dataDir, {
      violation:
        `programs do not run in ${inside}, because its file system is mounted with noexec ` +
        "or a security policy forbids it",
      wayOut: `mount the file system without noexec, or ${ELSEWHERE}`,
    });
  } finally {
    await Deno.remove(program);
  }
}

/** Why a directory is not usable, and the next step of the operator. */
interface Obstacle {
  readonly violation: string;
  readonly wayOut: string;
}

export function unusable(path: string, { violation, wayOut }: Obstacle): DataDirError {
  return new DataDirError(`Data directory ${path} is not usable: ${violation}`, wayOut);
}

/** What an error of the file system says about a file of the directory. */
export async function obstacleOf(error: unknown, file: string): Promise<Obstacle> {
  const { AlreadyExists, NotADirectory, NotCapable } = Deno.errors;
  const elsewhere = (violation: string) => ({ violation, wayOut: ELSEWHERE });
  if (error instanceof AlreadyExists) return elsewhere("it is a file, not a directory");
  if (error instanceof NotADirectory) return elsewhere("a directory above it is a file");
  if (error instanceof NotCapable) return elsewhere("it is in a file system of the kernel");
  switch (codeOf(error)) {
    case "EROFS":
      return {
        violation: "its file system is read-only",
        wayOut: `mount it writable, or ${ELSEWHERE}`,
      };
    // A start recognizes these words, and waits for space.
    case "ENOSPC":
      return { violation: "no space left on device", wayOut: `free space, or ${ELSEWHERE}` };
    case "EDQUOT":
      return { violation: "disk quota exceeded", wayOut: `raise the quota, or ${ELSEWHERE}` };
    case "EACCES":
    case "EPERM":
      return await deniedBy(await existingAbove(file));
    default:
      return elsewhere(messageOf(error));
  }
}

/** Names the file or directory that denies access, with both users. */
async function deniedBy(path: string): Promise<Obstacle> {
  const owner = (await Deno.stat(path)).uid;
  const own = Deno.uid();
  if (owner === own) {
    return {
      violation: `this user (uid ${own}) may not write ${path}`,
      wayOut: `change its mode, or ${ELSEWHERE}`,
    };
  }
  const violation = `${path} belongs to another user (uid ${owner}) than the server's (uid ${own})`;
  // Such as a volume of Kubernetes: its group writes, and only its owner may change the mode.
  const isWritable = await makeAndRemoveDir(path).then(() => true, () => false);
  return {
    violation,
    wayOut: isWritable
      ? `choose a directory in it, such as ${join(path, "node")}, with --data`
      : `start the server as its owner, change its owner (chown), or ${ELSEWHERE}`,
  };
}

/** @throws unless this user may write the directory */
async function makeAndRemoveDir(parent: string): Promise<void> {
  await Deno.remove(await Deno.makeTempDir({ dir: parent }));
}

/**
 * A file of the directory that the server cannot write: left by a start as root, or by a copy. Files of this user need no
 * test. Root can write all files, but accepts only its own, and only in a directory of its own: the owner could not open
 * what root adds, and could leave links to files elsewhere, at any time, which root would follow.
 */
export async function foreignEntry(path: string): Promise<Obstacle | undefined> {
  const own = Deno.uid();
  for await (const { name } of Deno.readDir(path)) {
    if (!OWN_NAME.test(name)) continue;
    const entry = join(path, name);
    const itself = await Deno.lstat(entry).catch(() => undefined);
    if (name === LOCK && itself?.isFile === false) {
      return { violation: `${entry} is not a regular file`, wayOut: `remove it, or ${ELSEWHERE}` };
    }
    const info = own === 0 ? itself : await Deno.stat(entry).catch(() => undefined);
    // A running server removes the log of its database when it stops.
    if (info === undefined || info.uid === own) continue;
    const obstacle = own === 0
      ? await foreignToRoot(path, entry, info.uid)
      : await tryWriting(entry, info);
    if (obstacle !== undefined) return obstacle;
  }
  return own === 0 ? await foreignDirectory(path) : undefined;
}

/** The directory itself, and the link to it if it is one, must belong to root. */
async function foreignDirectory(path: string): Promise<Obstacle | undefined> {
  const { uid, mode } = await Deno.stat(path);
  try {
    // Without its capabilities, root has the rights of every other user.
    if (uid !== 0 && mode !== null) await Deno.chmod(path, mode & 0o7777);
  } catch (error) {
    return await obstacleOf(error, path);
  }
  for (const owner of [uid, (await Deno.lstat(path)).uid]) {
    const obstacle = owner === 0 ? undefined : await foreignToRoot(path, path, owner);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

async function tryWriting(
  entry: string,
  { isDirectory }: Deno.FileInfo,
): Promise<Obstacle | undefined> {
  try {
    if (isDirectory) await makeAndRemoveDir(entry);
    else (await Deno.open(entry, { read: true, write: true })).close();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : await obstacleOf(error, entry);
  }
}

/** Nothing on file systems that give every file the same owner, as some of networks and of virtual machines do. */
async function foreignToRoot(
  path: string,
  entry: string,
  owner: number | null,
): Promise<Obstacle | undefined> {
  const made = join(path, `.owner-${crypto.randomUUID()}`);
  try {
    using file = await Deno.open(made, { createNew: true, write: true, mode: 0o600 });
    await Deno.remove(made);
    if ((await file.stat()).uid === owner) return undefined;
  } catch (error) {
    return await obstacleOf(error, made);
  }
  return {
    violation: `${entry} belongs to another user (uid ${owner}) than this command's (root)`,
    wayOut: `run the command as that user, as in sudo -u '#${owner}' invoked, or ${ELSEWHERE}`,
  };
}

/** The path itself, or the nearest directory above it that exists. */
export async function existingAbove(path: string): Promise<string> {
  try {
    await Deno.stat(path);
    return path;
  } catch {
    const above = dirname(path);
    return above === path ? path : await existingAbove(above);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
