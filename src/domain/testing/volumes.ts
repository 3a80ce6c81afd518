import { getLogger } from "@logtape/logtape";
import { type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import type { Store } from "../../store/mod.ts";
import { FileError } from "../volumes/errors.ts";
import { answerVfsCall } from "../volumes/host_calls.ts";
import { ancestorsOf } from "../volumes/paths.ts";
import { VolumeSession } from "../volumes/session.ts";
import type { VolumeLimits } from "../volumes/write_set.ts";
import type { SeedFile } from "./run_fixtures.ts";

const logger = getLogger(["invoked", "domain"]);

/**
 * The volumes of a run of tests. Each test has one of its own, with the files of the fixture: made at the first use and
 * gone after the test. No row of the store names it, so it does not outlive the server either.
 */
export class TestVolumes implements AsyncDisposable {
  #isTestRunning = false;
  #session: Promise<VolumeSession> | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly limits: VolumeLimits,
    /** The files of the fixture; undefined without a volume. */
    private readonly seed: () => readonly SeedFile[] | undefined,
  ) {}

  /** A test begins; the volume of the test before it is gone. */
  begin(): void {
    this.end();
    this.#isTestRunning = true;
  }

  /** The running test has ended. */
  end(): void {
    this.#isTestRunning = false;
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) this.#closing = Promise.all([this.#closing, close(session)]).then();
  }

  /** Handles a host call on the volume of the running test. @throws HostCallError as {@link answerVfsCall} */
  async call(call: HostCall): Promise<HostReply> {
    if (!this.#isTestRunning) {
      throw new HostCallError("VfsNotAttached", "vfs is not available: no test is running");
    }
    const seed = this.seed();
    if (seed === undefined) {
      throw new HostCallError(
        "VfsNotAttached",
        "vfs is not available: these tests have no volume\n" +
          "Declare one with registerTests({ volume }) of @c1/test, or in tests.volume of invoked.json",
      );
    }
    this.#session ??= this.#open(seed);
    return await answerVfsCall(await this.#session, call);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#closing;
  }

  async #open(seed: readonly SeedFile[]): Promise<VolumeSession> {
    await using opened = new AsyncDisposableStack();
    const session = opened.use(VolumeSession.temporary(this.store, this.limits));
    for (const { path, content } of seed) {
      const bytes = "text" in content
        ? new TextEncoder().encode(content.text)
        : await this.store.commitBlobs.get(content.digest);
      await fill(session, path, bytes);
    }
    opened.move();
    return session;
  }
}

async function fill(session: VolumeSession, path: string, bytes: Uint8Array): Promise<void> {
  try {
    const directory = ancestorsOf(path).at(-1);
    if (directory !== undefined) await session.mkdir(directory, { recursive: true });
    const handle = await session.open(path, NEW_FILE);
    await session.write(handle, 0, bytes);
    await session.close(handle);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const message = `The volume of the test was not created: ${error.message}`;
    throw new HostCallError(error.kind, message);
  }
}

const NEW_FILE = {
  read: false,
  write: true,
  append: false,
  truncate: false,
  create: true,
  createNew: true,
};

/** The next start removes what cannot be removed now. */
async function close(opening: Promise<VolumeSession>): Promise<void> {
  try {
    const session = await opening.catch(() => undefined);
    await session?.[Symbol.asyncDispose]();
  } catch (error) {
    logger.error("Failed to close the volume of a test", { error });
  }
}
