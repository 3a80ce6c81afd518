/** Random interleavings of invocations, requests, failures, kills and restarts, compared with the model. */
import assert from "node:assert/strict";
import { DomainError } from "../../src/domain/errors.ts";
import { Ids } from "../../src/domain/ids.ts";
import { Pages } from "../../src/domain/paging.ts";
import { FileError } from "../../src/domain/volumes/errors.ts";
import { NO_PRECONDITIONS } from "../../src/domain/preconditions.ts";
import { VolumeFiles } from "../../src/domain/volumes/files.ts";
import { VolumeSession } from "../../src/domain/volumes/session.ts";
import { Snapshots } from "../../src/domain/volumes/snapshots.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";
import { VolumeSweep } from "../../src/domain/volumes/sweep.ts";
import { Volumes } from "../../src/domain/volumes/volumes.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { makeTempDir } from "../support/invoked.ts";
import { onlyNode } from "../support/nodes.ts";
import { IS_LONG, random, SEED } from "../support/seed.ts";
import { ModelSession, type ModelTree, ModelVolume, type Outcome } from "./model.ts";

const STEPS = IS_LONG ? 20_000 : 4_000;
const SESSIONS_MAX = 5;
const STEPS_PER_COMPARISON = 25;

const LIMITS = { maxBytes: 2 ** 40, maxEntries: 100_000, maxFileBytes: 2 ** 30 };
const BY = { id: "principal", clientId: "client", displayName: "model", roles: [] } as never;
const PATHS = [
  "/a",
  "/b",
  "/d",
  "/d/a",
  "/d/b",
  "/d/e",
  "/d/e/f",
  "/d/e/g",
  "/h",
  "/h/i",
  "/h/i/j",
];

/** The implementation on a directory of its own; nothing is kept longer than a snapshot holds it. */
class Real {
  private constructor(
    readonly store: Store,
    readonly snapshots: Snapshots,
    readonly volumes: Volumes,
    readonly files: VolumeFiles,
    readonly sweep: VolumeSweep,
    readonly node: AsyncDisposable,
  ) {}

  static async open(directory: string, historyMs: number): Promise<Real> {
    const store = await openStore(directory);
    const snapshots = new Snapshots(store);
    const pages = new Pages(new Uint8Array(32));
    const node = await onlyNode(store);
    return new Real(
      store,
      snapshots,
      new Volumes(store, pages, new Ids(), LIMITS),
      new VolumeFiles(store, snapshots, pages, LIMITS),
      new VolumeSweep(
        store,
        snapshots,
        node,
        { historyMs, graceMs: 0, sweepIntervalMs: 10 },
        NO_TELEMETRY,
      ),
      node,
    );
  }

  async close(): Promise<void> {
    await this.sweep[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }
}

interface Pair {
  readonly real: VolumeSession;
  readonly model: ModelSession;
}

class Run {
  readonly #next: (below: number) => number;
  readonly #model = new ModelVolume();
  #pairs: Pair[] = [];
  #id = "";
  #content = 0;

  constructor(
    private readonly directory: string,
    private readonly historyMs: number,
    private real: Real,
    seed: number,
  ) {
    this.#next = random(seed);
  }

  async start(): Promise<void> {
    this.#id = (await this.real.volumes.create({ displayName: "model", quotaBytes: undefined })).id;
  }

  async step(): Promise<void> {
    const dice = this.#next(1000);
    const pair = this.#pairs[this.#next(SESSIONS_MAX)];
    if (dice < 2) return await this.#restart();
    if (dice < 12) return await this.#restore();
    if (dice < 70) return await this.#put();
    if (dice < 100) return await this.#delete();
    if (pair === undefined) return await this.#begin();
    if (dice < 160) return await this.#commit([pair]);
    if (dice < 180) return await this.#commit(this.#pairs.slice(0, 2));
    if (dice < 200) return await this.#fail(pair);
    if (dice < 210) return await this.#kill(pair);
    await this.#operate(pair);
  }

  /** Compares the volume, and the view of each invocation, with the model. */
  async compare(): Promise<void> {
    const volume = await this.real.volumes.get(this.#id);
    const { newest, version } = this.#model;
    assert.equal(volume.version, version);
    const sizes = [...newest.values()].filter((content) => content !== null);
    assert.equal(volume.usedBytes, sizes.reduce((sum, { length }) => sum + length, 0));
    assert.equal(volume.fileCount, sizes.length);
    assert.equal(volume.directoryCount, newest.size - sizes.length);
    await using session = await this.#open();
    for (const { real, model } of [...this.#pairs, { real: session, model: { own: newest } }]) {
      assert.deepEqual(sorted(await treeOf(real)), sorted(model.own));
    }
  }

  async finish(): Promise<void> {
    await this.compare();
    for (const pair of this.#pairs) await pair.real[Symbol.asyncDispose]();
    await this.real.close();
  }

  #open(): Promise<VolumeSession> {
    return VolumeSession.open(this.real.store, this.real.snapshots, this.#id, LIMITS);
  }

  #path(): string {
    return PATHS[this.#next(PATHS.length)] ?? "/a";
  }

  /** Small contents, and some that have a file. */
  #text(): string {
    const tag = String(this.#content++ % 40);
    return this.#next(4) === 0 ? tag.repeat(10_000) : tag;
  }

  async #begin(): Promise<void> {
    const real = await this.#open();
    const model = new ModelSession(this.#model);
    assert.equal(real.version, model.base);
    this.#pairs.push({ real, model });
  }

  /** Commits the sessions at the same time, in the order of the list. */
  async #commit(pairs: readonly Pair[]): Promise<void> {
    const commits = await Promise.all(pairs.map(({ real }) => real.prepare("invocation")));
    const results = await Promise.all(commits.map((commit) => this.real.store.write(commit)));
    for (const [at, { real, model }] of pairs.entries()) {
      const result = results[at];
      assert.equal(result?.kind, model.commit());
      if (result?.kind === "committed") assert.equal(result.version > model.base, true);
      await real[Symbol.asyncDispose]();
    }
    this.#pairs = this.#pairs.filter((pair) => !pairs.includes(pair));
  }

  async #fail(pair: Pair): Promise<void> {
    await pair.real[Symbol.asyncDispose]();
    this.#pairs = this.#pairs.filter((each) => each !== pair);
  }

  /** Kills the process of an invocation while its operations are under way. */
  async #kill(pair: Pair): Promise<void> {
    const { real } = pair;
    const options = { read: false, append: false, truncate: true, create: true, createNew: false };
    const underWay = Promise.allSettled([
      real.rename(this.#path(), this.#path()),
      real.open(this.#path(), { ...options, write: true }).then((handle) =>
        real.write(handle, 0, new TextEncoder().encode(this.#text()))
      ),
      real.remove(this.#path(), { recursive: true }),
    ]);
    await this.#fail(pair);
    await underWay;
  }

  /** Stops the server, or kills it and leaves the staged files of its invocations on disk. */
  async #restart(): Promise<void> {
    const isKilled = this.#next(2) === 0;
    const cut = this.#pairs;
    this.#pairs = [];
    if (!isKilled) { for (const { real } of cut) await real[Symbol.asyncDispose](); }
    await this.real.close();
    this.real = await Real.open(this.directory, this.historyMs);
    await this.compare();
    if (!isKilled) return;
    // The system closes the files of a killed server.
    for (const { real } of cut) await real[Symbol.asyncDispose]().catch(() => {});
  }

  async #put(): Promise<void> {
    const [path, content] = [this.#path(), this.#text()];
    const body = new Blob([content]).stream();
    const real = this.real.files.write(BY, this.#id, path, {
      body,
      checkAgain: () => Promise.resolve(),
      preconditions: NO_PRECONDITIONS,
    });
    assert.equal(await succeeds(real, "VOLUME_PATH_CONFLICT"), this.#model.put(path, content));
  }

  async #delete(): Promise<void> {
    const [path, recursive] = [this.#path(), this.#next(2) === 0];
    const options = { recursive, preconditions: NO_PRECONDITIONS };
    const real = this.real.files.delete(BY, this.#id, path, options);
    const reasons = ["VOLUME_PATH_CONFLICT", "VOLUME_FILE_NOT_FOUND"];
    assert.equal(await succeeds(real, ...reasons), this.#model.delete(path, recursive));
  }

  async #restore(): Promise<void> {
    const version = this.#model.version - this.#next(Math.min(this.#model.version, 10) + 1);
    const restoring = this.real.volumes.restore(BY, this.#id, version);
    if (await succeeds(restoring, "VOLUME_VERSION_NOT_FOUND")) this.#model.restore(version);
    else assert.equal(this.historyMs, 0);
  }

  async #operate({ real, model }: Pair): Promise<void> {
    const [path, other, flag] = [this.#path(), this.#path(), this.#next(2) === 0];
    switch (this.#next(9)) {
      case 0:
        return same(await outcome(readFile(real, path)), model.read(path), `read ${path}`);
      case 1:
        return same(await outcome(list(real, path)), model.list(path), `list ${path}`);
      case 2:
        return same(
          await outcome(real.mkdir(path, { recursive: flag })),
          model.mkdir(path, flag),
          `mkdir ${path} ${flag}`,
        );
      case 3:
        return same(
          await outcome(real.remove(path, { recursive: flag })),
          model.remove(path, flag),
          `remove ${path} ${flag}`,
        );
      case 4:
        return same(
          await outcome(real.rename(path, other)),
          model.rename(path, other),
          `rename ${path} ${other}`,
        );
      case 5:
        return same(
          await outcome(real.copyFile(path, other)),
          model.copy(path, other),
          `copy ${path} ${other}`,
        );
      default: {
        const content = this.#text();
        return same(
          await outcome(writeFile(real, path, content, flag)),
          model.write(path, content, flag),
          `write ${path} ${flag}`,
        );
      }
    }
  }
}

function same(found: Outcome, expected: Outcome, what: string): void {
  assert.deepEqual(found, expected, what);
}

async function outcome(operation: Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await operation };
  } catch (error) {
    if (error instanceof FileError) return { error: error.kind };
    throw error;
  }
}

async function succeeds(request: Promise<unknown>, ...reasons: string[]): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (error instanceof DomainError && reasons.includes(error.reason)) return false;
    throw error;
  }
}

const READING = {
  read: true,
  write: false,
  append: false,
  truncate: false,
  create: false,
  createNew: false,
};

async function readFile(session: VolumeSession, path: string): Promise<string> {
  const handle = await session.open(path, READING);
  let text = "";
  for (;;) {
    const bytes = await session.read(handle, text.length, 7000);
    if (bytes.length === 0) break;
    text += new TextDecoder().decode(bytes);
  }
  await session.close(handle);
  return text;
}

async function writeFile(
  session: VolumeSession,
  path: string,
  content: string,
  append: boolean,
): Promise<void> {
  const options = { ...READING, read: false, write: true, append, truncate: !append, create: true };
  const handle = await session.open(path, options);
  await session.write(handle, 0, new TextEncoder().encode(content));
  await session.close(handle);
}

async function list(session: VolumeSession, path: string): Promise<string[]> {
  const { entries } = await session.readDir(path, "", 1000);
  return entries.map(({ name }) => name);
}

async function treeOf(session: VolumeSession, directory = ""): Promise<ModelTree> {
  const tree: ModelTree = new Map();
  const { entries } = await session.readDir(directory === "" ? "/" : directory, "", 1000);
  for (const { name, isFile } of entries) {
    const path = `${directory}/${name}`;
    tree.set(path, isFile ? await readFile(session, path) : null);
    if (!isFile) {
      for (const [each, content] of await treeOf(session, path)) tree.set(each, content);
    }
  }
  return tree;
}

function sorted(tree: ModelTree): [string, string | null][] {
  return [...tree].sort(([a], [b]) => a < b ? -1 : 1);
}

for (
  const [name, historyMs, seed] of [
    ["that keep their history", 3_600_000, SEED],
    ["that prune their history at once", 0, SEED + 1],
  ] as const
) {
  Deno.test(`volumes ${name} agree with the model`, async () => {
    console.log(`seed ${seed}, ${STEPS / 2} steps`);
    await using directory = await makeTempDir();
    const run = new Run(
      directory.path,
      historyMs,
      await Real.open(directory.path, historyMs),
      seed,
    );
    await run.start();
    for (let step = 0; step < STEPS / 2; step++) {
      await run.step();
      if (step % STEPS_PER_COMPARISON === 0) await run.compare();
    }
    await run.finish();
  });
}
