import { z } from "@hono/zod-openapi";
import type { OpenFile } from "../../domain/volumes/files.ts";
import { matches, NO_PRECONDITIONS } from "../../domain/preconditions.ts";
import { checkFile } from "../../domain/volumes/preconditions.ts";
import { BINARY, rawOperation, Reply, type Uses } from "../operation.ts";
import { asDomainError } from "../status.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";
import { readRange } from "./range.ts";
import { etagOf, fileParams, filePath } from "./schemas.ts";

const BYTES = { "application/octet-stream": BINARY };

const readHeaders = preconditionHeaders.extend({
  "Range": z.string().optional(),
  "If-Range": z.string().optional(),
});

export const readFile = rawOperation({
  operationId: "invoked.VolumeService.ReadFile",
  method: "get",
  path: filePath,
  slashes: { path: "any" },
  summary: "Read a file or a range of the file; HEAD returns the headers only",
  permission: "volumes:read",
  params: fileParams,
  headers: readHeaders,
  answers: {
    200: { description: "The file", content: BYTES },
    206: { description: "The part", content: BYTES },
    304: { description: "The ETag matches If-None-Match" },
  },
  async handle({ params, headers }, { volumeFiles }: Uses<"volumeFiles">) {
    return await replyWith(await volumeFiles.open(params.id, params.path), headers);
  },
});

/** The whole file, a part of it or none of it; an error has the headers that are known by then. */
async function replyWith(
  file: OpenFile,
  requested: z.output<typeof readHeaders>,
): Promise<Reply> {
  const { digest, size, modifiedAt, path } = file.entry;
  const headers: Record<string, string> = {
    "ETag": etagOf(digest),
    "Last-Modified": new Date(modifiedAt).toUTCString(),
  };
  try {
    const { ifMatch, ifNoneMatch } = readPreconditions(requested);
    checkFile({ ...NO_PRECONDITIONS, ifMatch }, path, digest);
    if (ifNoneMatch !== undefined && matches(ifNoneMatch, digest)) {
      file[Symbol.dispose]();
      return Reply.empty(304, headers);
    }
    headers["Accept-Ranges"] = "bytes";
    const ifRange = requested["If-Range"];
    const isSameFile = ifRange === undefined || ifRange === etagOf(digest);
    headers["Content-Range"] = `bytes */${size}`;
    const part = isSameFile ? readRange(requested.Range, size) : undefined;
    delete headers["Content-Range"];
    const { start, end } = part ?? { start: 0, end: size };
    const stream = await file.stream(start, end);
    if (part !== undefined) headers["Content-Range"] = `bytes ${start}-${end - 1}/${size}`;
    headers["Content-Type"] = "application/octet-stream";
    headers["Content-Length"] = String(end - start);
    return Reply.stream(stream, headers, part === undefined ? 200 : 206);
  } catch (error) {
    file[Symbol.dispose]();
    return new Reply({ kind: "error", error: asDomainError(error) }, headers);
  }
}
