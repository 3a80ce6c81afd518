import { randomUUID } from "node:crypto";
import { BackupError } from "./backup_error.ts";
import { OWN_PREFIX } from "./own_files.ts";
import type { RemoteFiles } from "./remote_files.ts";

/** How often a marker is renewed. S3 rejects a request that is signed with a time of 15 minutes ago. */
const RENEWAL_INTERVAL_MS = 5 * 60_000;
/** Without a renewal for this time, its process gives up. */
const LAPSE_MS = 15 * 60_000;
/** Without a renewal for this time, others no longer count it. */
const LIFETIME_MS = 60 * 60_000;

/** What a process does in a bucket, in words of messages. */
const WORK = {
  writing: "writes a backup into",
  expiring: "removes old backups from",
} as const;
type Work = keyof typeof WORK;

/**
 * An empty object that says what a process does in a bucket. A process writes its marker before it looks for others: of a
 * backup, which relies on the contents that it finds, and a removal of contents, at least one sees the other. A process
 * that was suspended gives up: what it would write or delete is signed with the time of the last renewal.
 */
export class Marker implements AsyncDisposable {
  readonly #renewing: ReturnType<typeof setInterval>;
  #renewedAt: Date;

  private constructor(private readonly files: RemoteFiles, readonly path: string, at: Date) {
    this.#renewedAt = at;
    this.#renewing = setInterval(() => void this.#renew().catch(() => {}), RENEWAL_INTERVAL_MS);
  }

  /**
   * @param conflicts what no other process may do
   * @param own the marker of this process, which does not count
   * @throws BackupError, ObjectStoreUnusable
   */
  static async set(
    files: RemoteFiles,
    work: Work,
    { conflicts, own }: { readonly conflicts: readonly Work[]; readonly own?: Marker | undefined },
  ): Promise<Marker> {
    const at = new Date();
    const path = `${prefixOf(work)}${randomUUID()}`;
    await files.write(path, { size: 0, async *bytes() {} });
    const marker = new Marker(files, path, at);
    try {
      for (const conflict of conflicts) {
        await assertAlone(files, conflict, [path, own?.path ?? ""]);
      }
      return marker;
    } catch (error) {
      await marker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** With which time a request must be signed that relies on the marker. @throws BackupError after a lapse */
  get time(): Date {
    if (Date.now() - this.#renewedAt.getTime() < LAPSE_MS) return this.#renewedAt;
    throw new BackupError(
      `The work on ${this.files.name} was suspended, or S3 was away, for more than ${
        LAPSE_MS / 60_000
      } minutes`,
      "run the command again",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#renewing);
    // A marker that stays ends by its age.
    await this.files.delete(this.path).catch(() => {});
  }

  async #renew(): Promise<void> {
    const { time: _notLapsed } = this;
    const at = new Date();
    await this.files.write(this.path, { size: 0, async *bytes() {} });
    this.#renewedAt = at;
  }
}

function prefixOf(work: Work): string {
  return `${OWN_PREFIX}${work}-`;
}

async function assertAlone(
  files: RemoteFiles,
  work: Work,
  own: readonly string[],
): Promise<void> {
  for await (const listed of files.list(prefixOf(work))) {
    for (const { path, storedAt } of listed) {
      if (own.includes(path)) continue;
      if (storedAt.getTime() < Date.now() - LIFETIME_MS) {
        await files.delete(path);
        continue;
      }
      throw new BackupError(
        `Another process ${
          WORK[work]
        } ${files.name} now, or was killed within the last hour: it has the object ${path}`,
        "wait for its end, or delete the object if the process was killed",
      );
    }
  }
}
