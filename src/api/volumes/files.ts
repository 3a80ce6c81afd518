import { z } from "@hono/zod-openapi";
import { BINARY, jsonOperation, rawOperation, Reply, type Uses } from "../operation.ts";
import { listOf, pageJson, pageOf, pageQuery, trueOrFalse } from "../primitives.ts";
import { etagOf, filePath, volumeEntryJson, volumeEntryOut } from "./schemas.ts";
import { countOf } from "../../config/mod.ts";
import { DomainError } from "../../domain/errors.ts";
import { checkFile, type OpenFile } from "../../domain/volumes/files.ts";
import { matches, NO_PRECONDITIONS } from "../../domain/preconditions.ts";
import { asDomainError } from "../status.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";

export const listEntries = jsonOperation({
  operationId: "invoked.VolumeService.ListEntries",
  route: "GET /api/v1/vfs/volumes/{id}/entries",
  summary: "List files and directories, sorted by path",
  permission: "volumes:read",
  query: pageQuery.extend({
    directory: z.string().default("/").openapi({ description: "Default: the root" }),
    recursive: trueOrFalse.default("false")
      .openapi({ description: "Include all descendants of the directory" }),
  }),
  response: listOf(volumeEntryOut),
  async handle({ params, query }, { volumeFiles }: Uses<"volumeFiles">) {
    const selection = { directory: query.directory, recursive: query.recursive === "true" };
    return pageJson(
      await volumeFiles.entries(params.id, selection, pageOf(query)),
      volumeEntryJson,
    );
  },
});

/** A part of a file, in bytes; `end` is exclusive. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses a Range header (RFC 9110, section 14.2). Undefined means the whole file; a header that is malformed or asks
 * for several parts is ignored, as the RFC allows.
 * @param size of the file, in bytes
 * @throws RANGE_NOT_SATISFIABLE where the range begins behind the end
 */
function readRange(header: string | undefined, size: number): Part | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    if (length === 0) throw unsatisfiable(size);
    return { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) throw unsatisfiable(size);
  return { start, end };
}

function unsatisfiable(size: number): DomainError {
  return new DomainError(
    "RANGE_NOT_SATISFIABLE",
    `Range not satisfiable: the file has ${countOf(size, "byte")}`,
  );
}

const BYTES = { "application/octet-stream": BINARY };

const readHeaders = preconditionHeaders.extend({
  "Range": z.string().optional(),
  "If-Range": z.string().optional(),
});

export const readFile = rawOperation({
  operationId: "invoked.VolumeService.ReadFile",
  route: `GET ${filePath}`,
  slashes: { path: "any" },
  summary: "Read a file or a range of the file; HEAD returns the headers only",
  permission: "volumes:read",
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

export const writeFile = rawOperation({
  operationId: "invoked.VolumeService.WriteFile",
  route: `PUT ${filePath}`,
  slashes: { path: "any" },
  summary: "Write a file and create its parent directories",
  permission: "volumes:write",
  headers: preconditionHeaders,
  content: { "application/octet-stream": BINARY },
  answers: { 201: { description: "Created" }, 204: { description: "Replaced" } },
  async handle(
    { params, headers, body, principal, checkAgain },
    { volumeFiles }: Uses<"volumeFiles">,
  ) {
    const { entry, created } = await volumeFiles.write(principal, params.id, params.path, {
      body: body.stream,
      checkAgain,
      preconditions: readPreconditions(headers),
    });
    return Reply.empty(created ? 201 : 204, { "ETag": etagOf(entry.digest) });
  },
});

export const deleteFile = rawOperation({
  operationId: "invoked.VolumeService.DeleteFile",
  route: `DELETE ${filePath}`,
  slashes: { path: "any" },
  summary: "Delete a file or a directory",
  permission: "volumes:write",
  headers: preconditionHeaders,
  query: z.object({ recursive: trueOrFalse.optional() }),
  answers: { 204: { description: "Deleted" } },
  async handle({ params, query, headers, principal }, { volumeFiles }: Uses<"volumeFiles">) {
    await volumeFiles.delete(principal, params.id, params.path, {
      recursive: query.recursive === "true",
      preconditions: readPreconditions(headers),
    });
    return Reply.empty(204);
  },
});
