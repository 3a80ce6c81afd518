/** A file system without locks: a FUSE server that answers every request for a lock with ENOLCK. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

/** Requests (https://github.com/torvalds/linux/blob/master/include/uapi/linux/fuse.h). */
const REQUEST = {
  lookup: 1,
  forget: 2,
  getAttributes: 3,
  setAttributes: 4,
  makeDirectory: 9,
  unlink: 10,
  removeDirectory: 11,
  open: 14,
  statistics: 17,
  release: 18,
  flush: 25,
  init: 26,
  readDirectory: 28,
  setLock: 32,
  setLockAndWait: 33,
  create: 35,
  batchForget: 42,
} as const;
/** Numbers of errors on Linux. */
const ERRNO = { ENOENT: 2, ENOLCK: 37, ENOSYS: 38 } as const;

const HEADER_IN_BYTES = 40;
const HEADER_OUT_BYTES = 16;
const STATISTICS_BYTES = 80;
const ENTRY_BYTES = 24;
const ATTRIBUTES_BYTES = 88;
const PROTOCOL = { major: 7, minor: 31, initBytes: 64, maxWriteBytes: 4096 } as const;
/** Locks of files, by fcntl and by flock, are requests to this server and not to the kernel. */
const LOCKS = (1 << 1) | (1 << 10);
const ROOT = 1;
const DIRECTORY = 0o40_000;
const FILE = 0o100_000;
/** A request is at most this long. */
const BUFFER_BYTES = 128 * 1024;

/** A mounted file system of empty files. Disposing it unmounts it, which ends its server. */
export class LocklessDisk implements AsyncDisposable {
  private constructor(readonly path: string, private readonly server: Deno.ChildProcess) {}

  static async mount(): Promise<LocklessDisk> {
    const path = await Deno.makeTempDir({ prefix: "invoked-test-lockless-" });
    const options = "fd=0,rootmode=40000,user_id=0,group_id=0";
    const script = `exec 0<>/dev/fuse; mount -i -t fuse -o ${options} lockless "$1" && ` +
      'exec "$2" run --quiet --no-config "$3" 2>&0';
    const server = new Deno.Command("sh", {
      args: ["-c", script, "sh", path, Deno.execPath(), fileURLToPath(import.meta.url)],
      stdin: "null",
    }).spawn();
    const disk = new LocklessDisk(path, server);
    await eventually(
      async () => (await Deno.stat(path)).dev !== (await Deno.stat(`${path}/..`)).dev || undefined,
      "the file system without locks",
    );
    return disk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const args = ["--lazy", this.path];
    const { success } = await new Deno.Command("umount", { args }).output();
    assert.ok(success);
    await this.server.status;
    await Deno.remove(this.path);
  }
}

interface Request {
  readonly opcode: number;
  readonly node: bigint;
  readonly body: DataView<ArrayBuffer>;
}

/** The nodes of the file system, by id; a file has no content. */
class Nodes {
  readonly #modes = new Map<bigint, number>([[BigInt(ROOT), DIRECTORY | 0o755]]);
  readonly #names = new Map<string, bigint>();

  /** The answer: its bytes, an errno, or none. */
  answer({ opcode, node, body }: Request): Uint8Array<ArrayBuffer> | number | undefined {
    switch (opcode) {
      case REQUEST.init:
        return initAnswer();
      case REQUEST.lookup: {
        const found = this.#names.get(keyOf(node, body, 0));
        return found === undefined ? ERRNO.ENOENT : this.#entry(found);
      }
      case REQUEST.getAttributes:
        return this.#attributesAnswer(node);
      case REQUEST.setAttributes: {
        const [valid, mode] = [body.getUint32(0, true), body.getUint32(68, true)];
        if ((valid & 1) !== 0) this.#modes.set(node, mode);
        return this.#attributesAnswer(node);
      }
      case REQUEST.makeDirectory:
        return this.#entry(this.#add(keyOf(node, body, 8), DIRECTORY | body.getUint32(0, true)));
      case REQUEST.create: {
        const made = this.#add(keyOf(node, body, 16), FILE | (body.getUint32(4, true) & 0o777));
        return joined(this.#entry(made), new Uint8Array(HEADER_OUT_BYTES));
      }
      case REQUEST.open:
        return new Uint8Array(HEADER_OUT_BYTES);
      case REQUEST.unlink:
      case REQUEST.removeDirectory:
        this.#names.delete(keyOf(node, body, 0));
        return new Uint8Array();
      case REQUEST.readDirectory:
        return body.getBigUint64(8, true) === 0n ? this.#entries(node) : new Uint8Array();
      case REQUEST.statistics:
        return new Uint8Array(STATISTICS_BYTES);
      case REQUEST.release:
      case REQUEST.flush:
        return new Uint8Array();
      case REQUEST.setLock:
      case REQUEST.setLockAndWait:
        return ERRNO.ENOLCK;
      case REQUEST.forget:
      case REQUEST.batchForget:
        return undefined;
      default:
        return ERRNO.ENOSYS;
    }
  }

  #entries(directory: bigint): Uint8Array<ArrayBuffer> {
    let entries = new Uint8Array();
    for (const [key, id] of this.#names) {
      if (!key.startsWith(`${directory}/`)) continue;
      const name = new TextEncoder().encode(key.slice(`${directory}/`.length));
      const entry = new DataView(new ArrayBuffer(ENTRY_BYTES + Math.ceil(name.length / 8) * 8));
      entry.setBigUint64(0, id, true);
      entry.setBigUint64(8, id, true);
      entry.setUint32(16, name.length, true);
      const bytes = new Uint8Array(entry.buffer);
      bytes.set(name, ENTRY_BYTES);
      entries = joined(entries, bytes);
    }
    return entries;
  }

  #add(key: string, mode: number): bigint {
    const id = BigInt(this.#modes.size + 1);
    this.#modes.set(id, mode);
    this.#names.set(key, id);
    return id;
  }

  #entry(id: bigint): Uint8Array<ArrayBuffer> {
    const head = new DataView(new ArrayBuffer(40));
    head.setBigUint64(0, id, true);
    return joined(new Uint8Array(head.buffer), this.#attributes(id));
  }

  #attributesAnswer(id: bigint): Uint8Array<ArrayBuffer> {
    return joined(new Uint8Array(HEADER_OUT_BYTES), this.#attributes(id));
  }

  #attributes(id: bigint): Uint8Array<ArrayBuffer> {
    const view = new DataView(new ArrayBuffer(ATTRIBUTES_BYTES));
    view.setBigUint64(0, id, true);
    view.setUint32(60, this.#modes.get(id) ?? 0, true);
    view.setUint32(64, 1, true);
    return new Uint8Array(view.buffer);
  }
}

function initAnswer(): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(PROTOCOL.initBytes));
  view.setUint32(0, PROTOCOL.major, true);
  view.setUint32(4, PROTOCOL.minor, true);
  view.setUint32(12, LOCKS, true);
  view.setUint32(20, PROTOCOL.maxWriteBytes, true);
  return new Uint8Array(view.buffer);
}

/** A name in a directory; the body has it from `offset` to a zero byte. */
function keyOf(parent: bigint, { buffer, byteOffset, byteLength }: DataView, offset: number) {
  const bytes = new Uint8Array(buffer, byteOffset + offset, byteLength - offset - 1);
  return `${parent}/${new TextDecoder().decode(bytes)}`;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/** Answers the kernel, whose device is stdin and, because stdout is written by lines, stderr, until the file system is unmounted. */
function serve(): void {
  const nodes = new Nodes();
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    let length: number | null;
    try {
      length = Deno.stdin.readSync(buffer);
    } catch {
      // ENODEV: it was unmounted.
      return;
    }
    if (length === null || length === 0) return;
    const request = new DataView(buffer.slice(0, length).buffer);
    const answer = nodes.answer({
      opcode: request.getUint32(4, true),
      node: request.getBigUint64(16, true),
      body: new DataView(request.buffer, HEADER_IN_BYTES),
    });
    if (answer === undefined) continue;
    const body = typeof answer === "number" ? new Uint8Array() : answer;
    const header = new DataView(new ArrayBuffer(HEADER_OUT_BYTES));
    header.setUint32(0, HEADER_OUT_BYTES + body.length, true);
    header.setInt32(4, typeof answer === "number" ? -answer : 0, true);
    header.setBigUint64(8, request.getBigUint64(8, true), true);
    Deno.stderr.writeSync(joined(new Uint8Array(header.buffer), body));
  }
}

if (import.meta.main) serve();
