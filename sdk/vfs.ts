/** `vfs` of `@c1/functions-sdk`: the volume of the invocation, with Deno's file API. */
import { VfsFile } from "./vfs_file.ts";
import {
  CHUNK_BYTES,
  fileInfo,
  type HostFileInfo,
  IN_FLIGHT_MAX,
  type VfsDirEntry,
  type VfsFileInfo,
  type VfsMkdirOptions,
  type VfsOpenOptions,
  type VfsRemoveOptions,
  type VfsWriteFileOptions,
} from "./vfs_types.ts";
import { callVfs } from "./vfs_errors.ts";

export { VfsFile } from "./vfs_file.ts";
export { VfsNotAttachedError, VfsQuotaExceededError } from "./vfs_errors.ts";
export type {
  VfsDirEntry,
  VfsFileInfo,
  VfsMkdirOptions,
  VfsOpenOptions,
  VfsRemoveOptions,
  VfsWriteFileOptions,
} from "./vfs_types.ts";

/**
 * The files of the volume that is attached to this invocation: its version at the start of the invocation, and the
 * invocation's own writes. These become visible to others together when the invocation succeeds, and are discarded
 * when it fails. Every operation rejects with {@link VfsNotAttachedError} without a volume, and with Deno's errors
 * (`Deno.errors.NotFound`, `AlreadyExists`, ...) otherwise.
 */
export const vfs = {
  /** The whole content of a file. */
  async readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const { value, bytes } = await callVfs("readFile", { path });
    const { size, handle } = value as { size: number; handle?: number };
    if (handle === undefined) return bytes;
    try {
      return await readRest(handle, size, bytes);
    } finally {
      await callVfs("close", { handle });
    }
  },

  /** The whole content of a file as UTF-8, with its byte order mark. */
  async readTextFile(path: string): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await vfs.readFile(path));
  },

  /** Writes a file: a new content, or at its end with `append`. */
  async writeFile(
    path: string,
    data: Uint8Array | ReadableStream<Uint8Array>,
    options: VfsWriteFileOptions = {},
  ): Promise<void> {
    if (data instanceof ReadableStream) return await writeStream(path, data, options);
    const more = data.length > CHUNK_BYTES;
    const { value } = await callVfs(
      "writeFile",
      { path, ...flags(options), more },
      data.subarray(0, CHUNK_BYTES),
    );
    const { handle } = value as { handle?: number };
    if (handle === undefined) return;
    try {
      for (let at = CHUNK_BYTES; at < data.length; at += IN_FLIGHT_MAX * CHUNK_BYTES) {
        await Promise.all(
          chunksFrom(at, data.length).map((offset) =>
            callVfs("write", { handle, offset }, data.subarray(offset, offset + CHUNK_BYTES))
          ),
        );
      }
    } finally {
      await callVfs("close", { handle });
    }
  },

  /** Writes a text as UTF-8. */
  async writeTextFile(
    path: string,
    data: string | ReadableStream<string>,
    options: VfsWriteFileOptions = {},
  ): Promise<void> {
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data.pipeThrough(new TextEncoderStream());
    await vfs.writeFile(path, bytes, options);
  },

  /** The entries of a directory in the order of their names. */
  async *readDir(path: string): AsyncGenerator<VfsDirEntry, void> {
    for (let after = "";;) {
      const { value } = await callVfs("readDir", { path, after });
      const page = value as { entries: { name: string; isFile: boolean }[]; more: boolean };
      for (const { name, isFile } of page.entries) {
        after = name;
        yield { name, isFile, isDirectory: !isFile, isSymlink: false };
      }
      if (!page.more) return;
    }
  },

  async stat(path: string): Promise<VfsFileInfo> {
    const { value } = await callVfs("stat", { path });
    return fileInfo(value as HostFileInfo);
  },

  /** Whether a file or directory of the requested kind exists. */
  async exists(
    path: string,
    options: { isFile?: boolean; isDirectory?: boolean } = {},
  ): Promise<boolean> {
    try {
      const { isFile, isDirectory } = await vfs.stat(path);
      if (options.isFile) return isFile;
      return options.isDirectory ? isDirectory : true;
    } catch (error) {
      if (error instanceof Error && isAbsence(error.name)) return false;
      throw error;
    }
  },

  async mkdir(path: string, { recursive = false }: VfsMkdirOptions = {}): Promise<void> {
    await callVfs("mkdir", { path, recursive });
  },

  async remove(path: string, { recursive = false }: VfsRemoveOptions = {}): Promise<void> {
    await callVfs("remove", { path, recursive });
  },

  /** Moves a file or a directory; an existing file is replaced. */
  async rename(from: string, to: string): Promise<void> {
    await callVfs("rename", { from, to });
  },

  /** Copies a file; an existing one is replaced. */
  async copyFile(from: string, to: string): Promise<void> {
    await callVfs("copyFile", { from, to });
  },

  /** Opens a file, by default for reading. Close it, or declare it with `using`. */
  async open(path: string, options: VfsOpenOptions = { read: true }): Promise<VfsFile> {
    const { read, write, append, truncate, create, createNew } = options;
    if (!read && !write && !append) {
      throw new TypeError("Invalid options: read, write or append must be true");
    }
    if (create && !write && !append) {
      throw new TypeError("Invalid options: create needs write or append");
    }
    if (truncate && !write) {
      throw new TypeError("Invalid options: truncate needs write");
    }
    const { value } = await callVfs("open", {
      path,
      ...{ read, write, append, truncate, create, createNew },
    });
    return new VfsFile(value as number);
  },

  /** Creates or truncates a file, and opens it for reading and writing. */
  create(path: string): Promise<VfsFile> {
    return vfs.open(path, { read: true, write: true, truncate: true, create: true });
  },
};

async function readRest(
  handle: number,
  size: number,
  first: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Uint8Array(size);
  content.set(first);
  for (let at = first.length; at < size; at += IN_FLIGHT_MAX * CHUNK_BYTES) {
    await Promise.all(
      chunksFrom(at, size).map(async (start) => {
        const end = Math.min(start + CHUNK_BYTES, size);
        for (let offset = start; offset < end;) {
          const { bytes } = await callVfs("read", { handle, offset, length: end - offset });
          if (bytes.length === 0) {
            throw new Error("The file became shorter while it was read");
          }
          content.set(bytes, offset);
          offset += bytes.length;
        }
      }),
    );
  }
  return content;
}

async function writeStream(
  path: string,
  data: ReadableStream<Uint8Array>,
  options: VfsWriteFileOptions,
): Promise<void> {
  const { append, create, createNew } = flags(options);
  const { value } = await callVfs("open", {
    path,
    write: true,
    truncate: !append,
    ...{ append, create, createNew, whole: true },
  });
  await data.pipeTo(new VfsFile(value as number).writable);
}

/** The offsets of the next chunks of a file, as many as are transferred at the same time. */
function chunksFrom(at: number, size: number): number[] {
  const starts: number[] = [];
  for (let start = at; start < size && starts.length < IN_FLIGHT_MAX; start += CHUNK_BYTES) {
    starts.push(start);
  }
  return starts;
}

function flags({ append = false, create = true, createNew = false }: VfsWriteFileOptions) {
  return { append, create, createNew };
}

function isAbsence(name: string): boolean {
  return name === "NotFound" || name === "NotADirectory";
}
