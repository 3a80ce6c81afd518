/** Trees of files that copies read and write: of this machine, and of volumes. */
import { dirname, join } from "node:path";
import { isBelow, volumePath } from "../../domain/volumes/paths.ts";
import { ApiError } from "../client/api_error.ts";
import type { Volume } from "../client/schemas.ts";
import type { Bytes } from "../client/transfer.ts";
import type { VolumeApi } from "../client/volumes.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { showVolumePath, type VolumePath } from "./volume_path.ts";

/** Above the number of entries of any volume. */
const MAX_ENTRIES = 10_000_000;

export type Kind = "file" | "directory";

/** A file of a tree. */
export interface SourceFile {
  /** Its path below the requested directory, with slashes. */
  readonly name: string;
  open(): Promise<Bytes>;
}

/** A tree of files. Its paths have slashes between the names. */
export interface Tree {
  /** Undefined for a path that does not exist. */
  kindOf(path: string): Promise<Kind | undefined>;
  /** A file, by its own path. */
  file(path: string): SourceFile;
  /** All files below a directory. */
  filesBelow(path: string): Promise<SourceFile[]>;
  /** Writes a file, completely or not at all, and creates the directories above it. */
  write(path: string, content: Bytes): Promise<void>;
  /** A path in the form for messages. */
  show(path: string): string;
}

/** The files of this machine. */
export class LocalTree implements Tree {
  async kindOf(path: string): Promise<Kind | undefined> {
    try {
      return (await Deno.stat(path)).isDirectory ? "directory" : "file";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new Failure(`Failed to read ${path}: ${describeError(error)}`);
    }
  }

  file(path: string): SourceFile {
    return { name: "", open: () => openLocal(path) };
  }

  async filesBelow(path: string): Promise<SourceFile[]> {
    const files: SourceFile[] = [];
    await this.#collect(files, path, "");
    return files;
  }

  async #collect(files: SourceFile[], root: string, prefix: string): Promise<void> {
    for (const { name, isDirectory, isFile } of await listDirectory(join(root, prefix))) {
      const path = join(root, prefix, name);
      if (isDirectory) await this.#collect(files, root, `${prefix}${name}/`);
      else if (isFile) files.push({ name: `${prefix}${name}`, open: () => openLocal(path) });
      else {
        // A link may point to any file, which would then be copied.
        throw new Failure(`${path} is neither a file nor a directory, and is not copied`, {
          next: "put a copy of the file there instead of a link, or remove it",
        });
      }
    }
  }

  async write(path: string, content: Bytes): Promise<void> {
    const info = await Deno.stat(path).catch(() => undefined);
    const isDevice = info !== undefined && !info.isFile;
    // A device or pipe is written to, and a link is followed: neither is replaced.
    const target = info === undefined || isDevice ? path : await Deno.realPath(path);
    const written = isDevice ? target : `${target}.${crypto.randomUUID()}.part`;
    try {
      await Deno.mkdir(dirname(target), { recursive: true });
      {
        using file = await Deno.open(written, { write: true, createNew: !isDevice });
        await writeAll(file, content);
      }
      if (written !== target) await Deno.rename(written, target);
    } catch (error) {
      if (written !== target) await Deno.remove(written).catch(() => {});
      if (error instanceof Failure) throw error;
      throw new Failure(`Failed to write ${path}: ${describeError(error)}`);
    }
  }

  show(path: string): string {
    return path;
  }
}

/** The files of a volume. */
export class VolumeTree implements Tree {
  constructor(private readonly volumes: VolumeApi, private readonly volume: Volume) {}

  async kindOf(path: string): Promise<Kind | undefined> {
    return await kindOnVolume(this.volumes, { volume: this.volume, path: volumePath(path) });
  }

  file(path: string): SourceFile {
    return { name: "", open: () => this.volumes.read(this.volume, volumePath(path)) };
  }

  async filesBelow(path: string): Promise<SourceFile[]> {
    const directory = volumePath(path);
    const query = { directory, recursive: true };
    const entries = await this.volumes.entries(this.volume, query, MAX_ENTRIES);
    return entries.filter(({ type }) => type === "file").map(({ path, etag }) => {
      // The path becomes one of this machine.
      if (!isBelow(path, directory) || volumePath(path) !== path) {
        throw new Failure(
          `Listing of ${this.show(directory)} rejected: the server lists ${
            JSON.stringify(path)
          } in it`,
        );
      }
      return {
        name: path.slice(directory === "/" ? 1 : directory.length + 1),
        open: () => this.volumes.read(this.volume, path, etag),
      };
    });
  }

  async write(path: string, content: Bytes): Promise<void> {
    await this.volumes.write(this.volume, volumePath(path), content);
  }

  show(path: string): string {
    return showVolumePath({ volume: this.volume, path: volumePath(path) });
  }
}

/** The kind of a path on a volume; undefined for a path that does not exist. */
export async function kindOnVolume(
  volumes: VolumeApi,
  { volume, path }: VolumePath,
): Promise<Kind | undefined> {
  try {
    await volumes.entries(volume, { directory: path, recursive: false }, 1);
    return "directory";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.reason === "VOLUME_FILE_NOT_FOUND") return undefined;
    if (error.reason === "VOLUME_PATH_CONFLICT") return "file";
    throw error;
  }
}

/** Writes all pieces, each to its end. */
async function writeAll(
  writer: { write(bytes: Uint8Array): Promise<number> },
  content: Bytes,
): Promise<void> {
  for await (const chunk of content) {
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await writer.write(rest));
  }
}

/** Writes a content to stdout; ends early if the reader closes it. */
export async function printContent(content: Bytes): Promise<void> {
  try {
    await writeAll(Deno.stdout, content);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function openLocal(path: string): Promise<Bytes> {
  try {
    return (await Deno.open(path)).readable;
  } catch (error) {
    throw new Failure(`Failed to read ${path}: ${describeError(error)}`);
  }
}

async function listDirectory(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw new Failure(`Failed to read ${path}: ${describeError(error)}`);
  }
}
