import { z } from "zod";
import { httpRequest } from "../../resources/request.ts";
import { needsAddition, unlessUnknown } from "./api_error.ts";
import { Volume, VolumeEntry, VolumeVersion } from "./schemas.ts";
import { SessionClient } from "./session.ts";
import { type Bytes, receive, send } from "./transfer.ts";

const VOLUMES = "/api/v1/vfs/volumes";
const VOLUME = `${VOLUMES}/{id}` as const;
const FILE = `${VOLUME}/files/{path}` as const;
const VolumeResponse = z.object({ volume: Volume });

/** A client of the volumes of a server: one method for each operation. They are an addition to C1's API. */
export class VolumeApi extends SessionClient {
  /** Newest first. */
  async list(limit: number): Promise<Volume[]> {
    const list = this.session.list("Failed to list volumes", `GET ${VOLUMES}`, Volume, limit, {});
    return await volumesNeeded(list);
  }

  /** Undefined for an unknown id. */
  async byId(id: string): Promise<Volume | undefined> {
    const what = `Failed to read volume ${id}`;
    const answer = this.session.call(what, `GET ${VOLUME}`, VolumeResponse, { path: { id } });
    return (await unlessUnknown(answer))?.volume;
  }

  /** @param quotaBytes undefined for the server's default */
  async create(displayName: string, quotaBytes?: number): Promise<Volume> {
    const body = { displayName, quotaBytes: quotaBytes?.toString() };
    const what = `Failed to create volume ${displayName}`;
    const answer = this.session.call(what, `POST ${VOLUMES}`, VolumeResponse, { body });
    return (await volumesNeeded(answer)).volume;
  }

  async delete({ id, displayName }: Volume): Promise<void> {
    const sent = { path: { id }, body: {} };
    const what = `Failed to delete volume ${displayName}`;
    await this.session.call(what, `DELETE ${VOLUME}`, z.unknown(), sent);
  }

  /** The entries of a directory in the order of their paths. @throws {ApiError} VOLUME_PATH_CONFLICT for a file */
  async entries(
    { id, displayName }: Volume,
    { directory, recursive }: { readonly directory: string; readonly recursive: boolean },
    limit: number,
  ): Promise<VolumeEntry[]> {
    const what = `Failed to list ${displayName}:${directory}`;
    const sent = { path: { id }, query: { directory, recursive: `${recursive}` } } as const;
    const list = this.session.list(what, `GET ${VOLUME}/entries`, VolumeEntry, limit, sent);
    return await volumesNeeded(list);
  }

  /** The content of a file. @param etag entity tag that the content must have */
  async read({ id, displayName }: Volume, path: string, etag?: string): Promise<Bytes> {
    const header = { "If-Match": etag };
    const request = httpRequest(`GET ${FILE}`, { ...fileOf(id, path), header });
    return await receive(this.session, `Failed to read ${displayName}:${path}`, request);
  }

  /** Writes a file, and creates the directories above it. */
  async write({ id, displayName }: Volume, path: string, content: Bytes): Promise<void> {
    const request = httpRequest(`PUT ${FILE}`, fileOf(id, path));
    await send(this.session, `Failed to write ${displayName}:${path}`, request, content);
  }

  async remove({ id, displayName }: Volume, path: string, recursive: boolean): Promise<void> {
    const sent = { ...fileOf(id, path), query: { recursive: `${recursive}` } } as const;
    const what = `Failed to remove ${displayName}:${path}`;
    await this.session.call(what, `DELETE ${FILE}`, z.unknown(), sent);
  }

  /** The versions that can be restored, newest first. */
  async versions({ id, displayName }: Volume, limit: number): Promise<VolumeVersion[]> {
    const what = `Failed to read the history of volume ${displayName}`;
    const sent = { path: { id } };
    const list = this.session.list(what, `GET ${VOLUME}/versions`, VolumeVersion, limit, sent);
    return await volumesNeeded(list);
  }

  /** Creates a new version with the files of an earlier version. */
  async restore({ id, displayName }: Volume, version: number): Promise<Volume> {
    const sent = { path: { id }, body: { version } };
    const what = `Failed to restore volume ${displayName}`;
    return (await this.session.call(what, `POST ${VOLUME}/restore`, VolumeResponse, sent))
      .volume;
  }
}

function volumesNeeded<T>(response: Promise<T>): Promise<T> {
  return needsAddition("volumes", response);
}

/** @param path normalised, because URLs resolve `..` */
function fileOf(id: string, path: string) {
  return { path: { id, path: path.split("/").slice(1) } };
}
