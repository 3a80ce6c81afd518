import { z } from "zod";
import { formatBytes, formatCount } from "../../config/mod.ts";
import { type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import { BlobError } from "../../store/blobs/blob_error.ts";
import { StorageUnavailable } from "../../store/storage_health.ts";
import { FileError } from "./errors.ts";
import { PathError, volumePath } from "./paths.ts";
import type { FileInfo } from "./path_operations.ts";
import type { VolumeSession } from "./session.ts";

/** The prefix of the names of these methods. */
export const VFS_PREFIX = "vfs.";
/** Bytes of a file that one host call carries, in either direction. */
const CHUNK_BYTES_MAX = 256 * 1024;
/** Names in one reply. */
const NAMES_MAX = 1000;

const path = z.string().transform((text, context) => {
  try {
    return volumePath(text);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
    return z.NEVER;
  }
});
const offset = z.int().min(0);
const handle = z.int();
const recursive = z.boolean().default(false);

interface Method<P extends z.ZodType> {
  readonly params: P;
  readonly run: (
    session: VolumeSession,
    params: z.output<P>,
    bytes: Uint8Array,
  ) => Promise<HostReply>;
}

/** Checks that the function takes the type of the parameters. */
function method<P extends z.ZodType>(params: P, run: Method<P>["run"]): Method<z.ZodType> {
  return { params, run: (session, value, bytes) => run(session, value as z.output<P>, bytes) };
}

/** The methods by the name that `sdk/vfs.ts` calls. */
const METHODS: Readonly<Record<string, Method<z.ZodType>>> = {
  "vfs.stat": method(
    z.object({ path }),
    async (session, params) => ({ value: infoJson(await session.stat(params.path)) }),
  ),
  "vfs.readDir": method(
    z.object({ path, after: z.string().default("") }),
    async (session, params) => ({
      value: await session.readDir(params.path, params.after, NAMES_MAX),
    }),
  ),
  "vfs.mkdir": method(
    z.object({ path, recursive }),
    done((session, p) => session.mkdir(p.path, p)),
  ),
  "vfs.remove": method(
    z.object({ path, recursive }),
    done((session, p) => session.remove(p.path, p)),
  ),
  "vfs.rename": method(
    z.object({ from: path, to: path }),
    done((session, p) => session.rename(p.from, p.to)),
  ),
  "vfs.copyFile": method(
    z.object({ from: path, to: path }),
    done((session, p) => session.copyFile(p.from, p.to)),
  ),
  "vfs.readFile": method(z.object({ path }), readFile),
  "vfs.writeFile": method(
    z.object({
      path,
      append: z.boolean().default(false),
      create: z.boolean().default(true),
      createNew: z.boolean().default(false),
      more: z.boolean().default(false),
    }),
    writeFile,
  ),
  "vfs.open": method(
    z.object({
      path,
      read: z.boolean().default(false),
      write: z.boolean().default(false),
      append: z.boolean().default(false),
      truncate: z.boolean().default(false),
      create: z.boolean().default(false),
      createNew: z.boolean().default(false),
      whole: z.boolean().default(false),
    }),
    async (session, { path, ...options }) => ({ value: await session.open(path, options) }),
  ),
  "vfs.read": method(
    z.object({ handle, offset, length: z.int().min(0) }),
    async (session, params) => {
      const length = Math.min(params.length, CHUNK_BYTES_MAX);
      return { bytes: await session.read(params.handle, params.offset, length) };
    },
  ),
  "vfs.write": method(
    z.object({ handle, offset }),
    async (session, params, bytes) => ({
      value: await session.write(params.handle, params.offset, bytes),
    }),
  ),
  "vfs.truncate": method(
    z.object({ handle, size: offset }),
    done((session, p) => session.truncate(p.handle, p.size)),
  ),
  "vfs.statHandle": method(
    z.object({ handle }),
    async (session, params) => ({ value: infoJson(await session.statHandle(params.handle)) }),
  ),
  "vfs.close": method(z.object({ handle }), done((session, p) => session.close(p.handle))),
};

/**
 * Handles a host call of a function on its volume. It reaches no other volume: the session is that of its invocation.
 * @param session undefined if no volume is attached
 * @throws HostCallError with the kind of a FileError, `InvalidPath`, `VfsNotAttached` or `INVALID_ARGUMENT`
 */
export async function answerVfsCall(
  session: VolumeSession | undefined,
  call: HostCall,
): Promise<HostReply> {
  const method = Object.hasOwn(METHODS, call.method) ? METHODS[call.method] : undefined;
  if (method === undefined) {
    throw new HostCallError(
      "UNIMPLEMENTED",
      `Unknown method ${call.method}: this server does not have the method`,
    );
  }
  if (session === undefined) {
    throw new HostCallError(
      "VfsNotAttached",
      "vfs is not available: this invocation has no volume\n" +
        "Create one (POST /api/v1/vfs/volumes) and pass its id as vfsId when you invoke",
    );
  }
  if (call.bytes.length > CHUNK_BYTES_MAX) {
    throw new HostCallError(
      "INVALID_ARGUMENT",
      `${call.method} failed: its content has ${formatCount(call.bytes.length)} B, ` +
        `and the limit of one host call is ${formatBytes(CHUNK_BYTES_MAX)}`,
    );
  }
  const parsed = method.params.safeParse(call.params);
  if (!parsed.success) throw paramsError(parsed.error);
  try {
    return await method.run(session, parsed.data, call.bytes);
  } catch (error) {
    if (error instanceof FileError) throw new HostCallError(error.kind, error.message);
    if (error instanceof BlobError) {
      throw new HostCallError("DATA_LOSS", `${call.method} failed: ${error.message}`);
    }
    if (error instanceof StorageUnavailable) {
      throw new HostCallError("UNAVAILABLE", `${call.method} failed: ${error.message}`);
    }
    throw error;
  }
}

/** The size and first chunk of a file; also a handle if further chunks follow. */
async function readFile(session: VolumeSession, { path }: { path: string }): Promise<HostReply> {
  const options = { write: false, append: false, truncate: false, create: false, createNew: false };
  const handle = await session.open(path, { ...options, read: true });
  let isWhole = true;
  try {
    const { size } = await session.statHandle(handle);
    const bytes = await session.read(handle, 0, CHUNK_BYTES_MAX);
    isWhole = bytes.length >= size;
    return { value: { size, ...isWhole ? {} : { handle } }, bytes };
  } finally {
    if (isWhole) await session.close(handle);
  }
}

/** Writes the first chunk of a file; returns a handle if further chunks follow. */
async function writeFile(
  session: VolumeSession,
  { path, more, ...options }: {
    path: string;
    append: boolean;
    create: boolean;
    createNew: boolean;
    more: boolean;
  },
  bytes: Uint8Array,
): Promise<HostReply> {
  const truncate = !options.append;
  const handle = await session.open(path, {
    ...options,
    read: false,
    write: true,
    truncate,
    whole: more,
  });
  let isOpen = false;
  try {
    await session.write(handle, 0, bytes);
    isOpen = more;
    return { value: more ? { handle } : {} };
  } finally {
    if (!isOpen) await session.close(handle);
  }
}

function paramsError({ issues }: z.ZodError): HostCallError {
  const [issue] = issues;
  const field = issue?.path.join(".") ?? "";
  return issue?.code === "custom"
    ? new HostCallError("InvalidPath", `The path ${issue.message}`)
    : new HostCallError("INVALID_ARGUMENT", `${field}: ${issue?.message ?? "is not valid"}`);
}

function done<P>(
  run: (session: VolumeSession, params: P) => Promise<void>,
): (session: VolumeSession, params: P) => Promise<HostReply> {
  return async (session, params) => {
    await run(session, params);
    return {};
  };
}

function infoJson({ isFile, isDirectory, size, modifiedAt }: FileInfo) {
  return { isFile, isDirectory, size, mtime: Date.parse(modifiedAt) };
}
