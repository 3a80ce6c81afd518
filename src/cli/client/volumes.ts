import { z } from "zod";
import { ApiError, needsAddition } from "./api_error.ts";
import { pageOf, Volume, VolumeEntry, VolumeVersion } from "./schemas.ts";
import { PAGE_SIZE, pageQuery, type Session } from "./session.ts";
import { type Bytes, receive, send } from "./transfer.ts";

const VOLUMES = "/api/v1/vfs/volumes";
const VolumeResponse = z.object({ volume: Volume });

/** A client of the volumes of a server: one method for each operation. They are an addition to C1's API. */
export class VolumeApi {
  constructor(private readonly session: Session) {}

  /** Newest first. */
  async list(limit: number): Promise<Volume[]> {
    return await this.#all("Cannot list volumes", VOLUMES, Volume, {}, limit);
  }

  /** Undefined for an unknown id. */
  async byId(id: string): Promise<Volume | undefined> {
    try {
      const what = `Cannot read volume ${id}`;
      return (await this.session.get(what, volumePath(id), VolumeResponse)).volume;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** @param quotaBytes undefined for the server's default */
  async create(displayName: string, quotaBytes?: number): Promise<Volume> {
    const body = {
      displayName,
      ...quotaBytes === undefined ? {} : { quotaBytes: String(quotaBytes) },
    };
    const what = `Cannot create volume ${displayName}`;
    return (await volumesNeeded(this.session.post(what, VOLUMES, VolumeResponse, body))).volume;
  }

  async delete({ id, displayName }: Volume): Promise<void> {
    const what = `Cannot delete volume ${displayName}`;
    await this.session.call(what, "DELETE", volumePath(id), z.unknown(), {});
  }

  /** The entries of a directory in the order of their paths. @throws {ApiError} VOLUME_PATH_CONFLICT for a file */
  async entries(
    { id, displayName }: Volume,
    query: { readonly directory: string; readonly recursive: boolean },
    limit: number,
  ): Promise<VolumeEntry[]> {
    const what = `Cannot list ${displayName}:${query.directory}`;
    const { directory, recursive } = query;
    const further = { directory, recursive: String(recursive) };
    return await this.#all(what, `${volumePath(id)}/entries`, VolumeEntry, further, limit);
  }

  /** The content of a file. @param etag entity tag that the content must have */
  async read({ id, displayName }: Volume, path: string, etag?: string): Promise<Bytes> {
    return await receive(this.session, `Cannot read ${displayName}:${path}`, filePath(id, path), {
      ...etag === undefined ? {} : { "if-match": etag },
    });
  }

  /** Writes a file, and creates the directories above it. */
  async write({ id, displayName }: Volume, path: string, content: Bytes): Promise<void> {
    await send(this.session, `Cannot write ${displayName}:${path}`, filePath(id, path), content);
  }

  async remove({ id, displayName }: Volume, path: string, recursive: boolean): Promise<void> {
    const what = `Cannot remove ${displayName}:${path}`;
    const url = `${filePath(id, path)}?recursive=${recursive}`;
    await this.session.call(what, "DELETE", url, z.unknown(), undefined);
  }

  /** The versions that can be restored, newest first. */
  async versions({ id, displayName }: Volume, limit: number): Promise<VolumeVersion[]> {
    const what = `Cannot read the history of volume ${displayName}`;
    return await this.#all(what, `${volumePath(id)}/versions`, VolumeVersion, {}, limit);
  }

  /** Creates a new version with the files of an earlier one. */
  async restore({ id, displayName }: Volume, version: number): Promise<Volume> {
    const what = `Cannot restore volume ${displayName}`;
    const path = `${volumePath(id)}/restore`;
    return (await this.session.post(what, path, VolumeResponse, { version })).volume;
  }

  async #all<Schema extends z.ZodType>(
    what: string,
    path: string,
    item: Schema,
    query: Readonly<Record<string, string>>,
    limit: number,
  ): Promise<z.output<Schema>[]> {
    const further = new URLSearchParams(query);
    return await volumesNeeded(this.session.all(limit, (pageToken) => {
      const page = pageQuery(Math.min(limit, PAGE_SIZE), pageToken);
      return this.session.get(what, `${path}?${page}&${further}`, pageOf(item));
    }));
  }
}

function volumesNeeded<T>(response: Promise<T>): Promise<T> {
  return needsAddition("volumes", response);
}

function volumePath(id: string): string {
  return `${VOLUMES}/${encodeURIComponent(id)}`;
}

/** @param path normalised, because URLs resolve `..` */
function filePath(id: string, path: string): string {
  return `${volumePath(id)}/files${path.split("/").map(encodeURIComponent).join("/")}`;
}
