import { FileError, fileError } from "./errors.ts";
import { FileNode, type NodeContext } from "./file_node.ts";
import type { FileInfo, PathOperations } from "./path_operations.ts";
import type { Tree } from "./tree.ts";

/** Files that one invocation can have open at the same time. */
export const OPEN_FILES_MAX = 64;

/** How a file is opened; the options are those of `Deno.OpenOptions`. */
export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly truncate: boolean;
  readonly create: boolean;
  readonly createNew: boolean;
  /** Whether the file is written as a whole: an invocation that succeeds before `close` would keep a part of it. */
  readonly whole?: boolean;
}

interface Handle {
  readonly path: string;
  readonly node: FileNode;
  readonly options: OpenOptions;
}

/**
 * The open files of one session by the numbers of their handles. One caller at a time.
 * @throws FileError `BadResource` for a closed handle or one opened for something else
 */
export class FileHandles {
  readonly #handles = new Map<number, Handle>();
  #lastHandle = 0;

  constructor(
    private readonly tree: Tree,
    private readonly paths: PathOperations,
    private readonly context: NodeContext,
  ) {}

  /** The path of a file that is written as a whole and not closed yet. */
  get unfinished(): string | undefined {
    return [...this.#handles.values()].find(({ options }) => options.whole)?.path;
  }

  /** Opens a file and returns the number of its handle. */
  async open(path: string, options: OpenOptions): Promise<number> {
    if (this.#handles.size >= OPEN_FILES_MAX) {
      throw new FileError(
        "QuotaExceeded",
        `Failed to open ${JSON.stringify(path)}: the limit of one invocation is ` +
          `${OPEN_FILES_MAX} open files`,
      );
    }
    const node = await this.#nodeToOpen(path, options);
    node.addHandle();
    const handle = ++this.#lastHandle;
    this.#handles.set(handle, { path, node, options });
    return handle;
  }

  /** At most `length` bytes from an offset; none at the end of the file. */
  async read(handle: number, offset: number, length: number): Promise<Uint8Array> {
    const { node, options } = this.#handle(handle);
    if (!options.read) throw new FileError("BadResource", "The file is not open for reading");
    return await node.read(offset, length);
  }

  /** Writes at an offset, or at the end of a file that is open for appending. Returns the offset after the bytes. */
  async write(handle: number, offset: number, bytes: Uint8Array): Promise<number> {
    const { node, options } = this.#writableHandle(handle);
    await this.tree.touch(node);
    const at = options.append ? node.size : offset;
    await node.write(at, bytes, now());
    return at + bytes.length;
  }

  async truncate(handle: number, size: number): Promise<void> {
    const { node } = this.#writableHandle(handle);
    await this.tree.touch(node);
    await node.truncate(size, now());
  }

  /** The file itself, also after its path was renamed or removed. */
  stat(handle: number): FileInfo {
    const { size, modifiedAt } = this.#handle(handle).node;
    return { isFile: true, isDirectory: false, size, modifiedAt };
  }

  async close(handle: number): Promise<void> {
    const { node } = this.#handle(handle);
    this.#handles.delete(handle);
    await this.tree.drop(node);
  }

  async dispose(): Promise<void> {
    for (const { node } of this.#handles.values()) await node.dispose();
    this.#handles.clear();
  }

  async #nodeToOpen(path: string, options: OpenOptions): Promise<FileNode> {
    const isWriting = options.write || options.append;
    const entry = await this.tree.get(path);
    if (entry?.kind === "directory") throw fileError("IsADirectory", "open", path);
    if (entry !== undefined && options.createNew) throw fileError("AlreadyExists", "create", path);
    if (entry !== undefined) {
      const node = await this.tree.nodeOf(entry);
      if (options.truncate && isWriting) {
        await this.tree.touch(node);
        await node.truncate(0, now());
      }
      return node;
    }
    if (!isWriting || !(options.create || options.createNew)) {
      await this.paths.existing("open", path);
    }
    await this.paths.assertParent("create", path);
    const node = new FileNode(this.context, path, undefined, now());
    await this.paths.putNew(path, node);
    return node;
  }

  #handle(number: number): Handle {
    const handle = this.#handles.get(number);
    if (handle === undefined) throw new FileError("BadResource", "The file is not open any more");
    return handle;
  }

  #writableHandle(number: number): Handle {
    const handle = this.#handle(number);
    if (handle.options.write || handle.options.append) return handle;
    throw new FileError("BadResource", "The file is not open for writing");
  }
}

function now(): string {
  return new Date().toISOString();
}
