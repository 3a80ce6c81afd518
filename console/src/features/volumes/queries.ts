import { queryOptions } from "@tanstack/react-query";
import {
  ApiError,
  call,
  fetchRaw,
  type Volume,
  type VolumeEntry,
  type VolumeVersion,
} from "../../api/client.ts";
import { keys, type ListQuery, listQuery } from "../../api/queries.ts";

export const volumesQuery: ListQuery<Volume> = listQuery(
  keys.volumes(),
  "GET /api/v1/vfs/volumes",
  {},
);

export function volumeQuery(id: string) {
  return queryOptions({
    queryKey: keys.volume(id),
    queryFn: async ({ signal }): Promise<Volume> =>
      (await call("GET /api/v1/vfs/volumes/{id}", { path: { id }, signal }))
        .volume,
  });
}

export function entriesQuery(id: string, directory: string): ListQuery<VolumeEntry> {
  const request = { path: { id }, query: { directory } };
  const queryKey = [...keys.volume(id), "entries", directory];
  return listQuery(queryKey, "GET /api/v1/vfs/volumes/{id}/entries", request);
}

export function versionsQuery(id: string): ListQuery<VolumeVersion> {
  const queryKey = [...keys.volume(id), "versions"];
  return listQuery(queryKey, "GET /api/v1/vfs/volumes/{id}/versions", { path: { id } });
}

/** Larger files are not shown, only downloaded. */
export const MAX_SHOWN_BYTES = 1 << 20;

/** The begin of a file with its ETag, by which a write knows that nobody wrote meanwhile. */
export interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number;
  readonly etag: string;
}

export function contentQuery(id: string, path: string) {
  return queryOptions({
    queryKey: [...keys.volume(id), "content", path],
    queryFn: async ({ signal }): Promise<Content> => {
      const response = await fetchRaw(filePath(id, path), {
        signal,
        headers: { Range: `bytes=0-${MAX_SHOWN_BYTES - 1}` },
      }).catch(async (error: unknown) => {
        // An empty file has no first byte.
        if (!(error instanceof ApiError) || error.status !== 416) throw error;
        return await fetchRaw(filePath(id, path), { signal });
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
      return {
        bytes,
        size: total === undefined ? bytes.length : Number(total),
        etag: response.headers.get("etag") ?? "",
      };
    },
  });
}

/** The path of a file in the API. A browser would resolve names of dots to another resource: these are left out. */
export function filePath(id: string, path: string): string {
  const names = path.split("/").filter((part) => !["", ".", ".."].includes(part));
  const encoded = names.map(encodeURIComponent).join("/");
  return `/api/v1/vfs/volumes/${encodeURIComponent(id)}/files/${encoded}`;
}

/** Writes a file. With `etag` only if it is still that content; throws `ApiError` 412 otherwise. Answers its new ETag. */
export async function writeFile(
  id: string,
  path: string,
  content: Blob,
  etag?: string,
): Promise<string> {
  const { headers } = await fetchRaw(filePath(id, path), {
    method: "PUT",
    headers: {
      "Content-Type": "application/octet-stream",
      ...(etag === undefined || etag === "" ? {} : { "If-Match": etag }),
    },
    body: content,
  });
  return headers.get("etag") ?? "";
}

export async function deleteFile(id: string, path: string): Promise<void> {
  await fetchRaw(filePath(id, path), { method: "DELETE" });
}
