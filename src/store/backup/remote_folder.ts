import { CONTENT_KINDS } from "../contents.ts";
import type { BackupFolder, StoredContent } from "./expire.ts";
import { isContent, MANIFEST_FILE } from "./manifest.ts";
import { remoteBackups } from "./remote_backups.ts";
import type { RemoteFiles } from "./remote_files.ts";
import { Marker } from "./remote_marker.ts";
import { sourceOf } from "./remote_source.ts";
import type { BackupSource } from "./sources.ts";

/** The backups of a bucket, of which no other process writes or removes any meanwhile. */
export class RemoteFolder implements BackupFolder, AsyncDisposable {
  private constructor(private readonly files: RemoteFiles, private readonly marker: Marker) {}

  /** @param writing the marker of the backup of this process @throws BackupError, ObjectStoreUnusable */
  static async open(files: RemoteFiles, writing: Marker): Promise<RemoteFolder> {
    const conflicts = ["writing", "expiring"] as const;
    return new RemoteFolder(
      files,
      await Marker.set(files, "expiring", { conflicts, own: writing }),
    );
  }

  async names(): Promise<readonly string[]> {
    const backups = await remoteBackups(this.files);
    return backups.filter(({ isComplete }) => isComplete).map(({ name }) => name);
  }

  source(name: string): Promise<BackupSource> {
    return Promise.resolve(sourceOf(this.files, name));
  }

  async remove(names: readonly string[]): Promise<void> {
    const removed = (await remoteBackups(this.files)).filter(({ name }) => names.includes(name));
    // Without its manifest, it is no backup.
    for (const { name } of removed) await this.#delete(`${name}/${MANIFEST_FILE}`);
    for (const { files } of removed) {
      for (const { path } of files) await this.#delete(path);
    }
  }

  async *contents(): AsyncGenerator<StoredContent> {
    for (const kind of CONTENT_KINDS) {
      for await (const listed of this.files.list(`${kind}/`)) {
        yield* listed.filter(({ path }) => isContent(path));
      }
    }
  }

  async removeContent(path: string): Promise<void> {
    await this.#delete(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.marker[Symbol.asyncDispose]();
  }

  async #delete(path: string): Promise<void> {
    await this.files.delete(path, this.marker.time);
  }
}
