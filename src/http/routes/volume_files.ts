import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Domain } from "../../domain/mod.ts";
import { invalid } from "../../domain/errors.ts";
import { checkForWrite, matches, NO_PRECONDITIONS } from "../../domain/volumes/preconditions.ts";
import type { OpenFile } from "../../domain/volumes/files.ts";
import { readPreconditions, readRange } from "../../api/volumes/preconditions.ts";
import type { App, Env } from "../endpoint.ts";
import { etagOf, volumeJson, volumeOut } from "../../api/volumes/schemas.ts";

const SERVICE = "invoked.VolumeService";
const FILE = "/api/v1/vfs/volumes/{id}/files/{path}";
const ARCHIVE = "/api/v1/vfs/volumes/{id}/archive";
const BINARY = { schema: { type: "string", format: "binary" } } as const;

/** Read, write and delete files of volumes, and whole trees as tar archives: raw bytes, streamed. */
export function volumeFileRoutes(app: App, { volumeFiles, volumeArchives }: Domain): void {
  documentFiles(app);
  documentArchive(app);
  const file = "/api/v1/vfs/volumes/:id/files/:path{[^]*}";
  // Hono answers HEAD by the handler of GET.
  app.get(file, async (c) => {
    const opened = await volumeFiles.open(c.req.param("id"), readPath(c));
    try {
      return answerFile(c, opened);
    } catch (error) {
      opened[Symbol.dispose]();
      throw error;
    }
  });
  app.put(file, async (c) => {
    const id = c.req.param("id");
    const { entry, created } = await volumeFiles.write(c.get("principal"), id, readPath(c), {
      body: c.req.raw.body ?? new Blob().stream(),
      conditions: readPreconditions((name) => c.req.header(name)),
    });
    c.header("ETag", etagOf(entry.digest));
    return c.body(null, created ? 201 : 204);
  });
  app.delete(file, async (c) => {
    await volumeFiles.delete(c.get("principal"), c.req.param("id"), readPath(c), {
      recursive: readFlag("recursive", c.req.query("recursive")),
      conditions: readPreconditions((name) => c.req.header(name)),
    });
    return c.body(null, 204);
  });
  const archive = "/api/v1/vfs/volumes/:id/archive";
  app.get(archive, async (c) => {
    const { version, stream } = await volumeArchives.read(c.req.param("id"));
    c.header("Content-Type", "application/x-tar");
    c.header("Volume-Version", String(version));
    if (c.req.method !== "HEAD") return c.body(stream);
    await stream.cancel();
    return c.body(null);
  });
  app.put(archive, async (c) => {
    const body = c.req.raw.body ?? new Blob().stream();
    const volume = await volumeArchives.replace(c.get("principal"), c.req.param("id"), body);
    return c.json({ volume: volumeJson(volume) });
  });
}

/** @throws ETAG_MISMATCH, RANGE_NOT_SATISFIABLE, with the headers that these answers have */
function answerFile(c: Context<Env>, file: OpenFile): Response {
  const { digest, size, modifiedAt, path } = file.entry;
  c.header("ETag", etagOf(digest));
  c.header("Last-Modified", new Date(modifiedAt).toUTCString());
  const { ifMatch, ifNoneMatch } = readPreconditions((name) => c.req.header(name));
  checkForWrite({ ...NO_PRECONDITIONS, ifMatch }, path, digest);
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, digest)) {
    file[Symbol.dispose]();
    return c.body(null, 304);
  }
  c.header("Accept-Ranges", "bytes");
  const ifRange = c.req.header("if-range");
  const isSameFile = ifRange === undefined || ifRange === etagOf(digest);
  c.header("Content-Range", `bytes */${size}`);
  const part = isSameFile ? readRange(c.req.header("range"), size) : undefined;
  c.header("Content-Range", part && `bytes ${part.start}-${part.end - 1}/${size}`);
  const { start, end } = part ?? { start: 0, end: size };
  c.header("Content-Type", "application/octet-stream");
  c.header("Content-Length", String(end - start));
  const status = part === undefined ? 200 : 206;
  if (c.req.method !== "HEAD") return c.body(file.stream(start, end), status);
  file[Symbol.dispose]();
  return c.body(null, status);
}

/**
 * The path of a file. Hono leaves what it cannot decode as it is: then two addresses would lead to one file.
 * @throws INVALID_FIELD
 */
function readPath(c: Context<Env>): string {
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    const description = "must be UTF-8 in percent-encoding, with %25 for a percent sign";
    throw invalid({ field: "path", description });
  }
  return c.req.param("path") ?? "";
}

/** @throws INVALID_FIELD */
function readFlag(field: string, text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw invalid({ field, description: "must be true or false" });
}

const ERROR = {
  description: "An error",
  content: { "application/json": { schema: { $ref: "#/components/schemas/google.rpc.Status" } } },
} as const;
const SECURITY: Record<string, string[]>[] = [{ bearerAuth: [] }, { oauth: [] }];
const COMMON = { tags: ["VolumeService"], security: SECURITY };

function documentFiles(app: App): void {
  const params = z.object({
    id: z.string(),
    path: z.string().openapi({ description: "May have slashes" }),
  });
  const conditions = z.object({
    "If-Match": z.string().optional(),
    "If-None-Match": z.string().optional(),
  });
  const shared = { path: FILE, ...COMMON };
  app.openAPIRegistry.registerPath({
    ...shared,
    operationId: `${SERVICE}.ReadFile`,
    method: "get",
    summary: "Read a file, or a part of it; HEAD answers the headers",
    request: { params, headers: conditions.extend({ "Range": z.string().optional() }) },
    responses: {
      200: { description: "The file", content: { "application/octet-stream": BINARY } },
      206: { description: "The part", content: { "application/octet-stream": BINARY } },
      304: { description: "It is one of If-None-Match" },
      default: ERROR,
    },
  });
  app.openAPIRegistry.registerPath({
    ...shared,
    operationId: `${SERVICE}.WriteFile`,
    method: "put",
    summary: "Write a file, and make the directories above it",
    request: {
      params,
      headers: conditions,
      body: { content: { "application/octet-stream": BINARY } },
    },
    responses: {
      201: { description: "Created" },
      204: { description: "Replaced" },
      default: ERROR,
    },
  });
  app.openAPIRegistry.registerPath({
    ...shared,
    operationId: `${SERVICE}.DeleteFile`,
    method: "delete",
    summary: "Delete a file or a directory",
    request: {
      params,
      headers: conditions,
      query: z.object({ recursive: z.enum(["true", "false"]).optional() }),
    },
    responses: { 204: { description: "Deleted" }, default: ERROR },
  });
}

function documentArchive(app: App): void {
  const params = z.object({ id: z.string() });
  const tar = { "application/x-tar": BINARY };
  const shared = { path: ARCHIVE, ...COMMON };
  app.openAPIRegistry.registerPath({
    ...shared,
    operationId: `${SERVICE}.ReadArchive`,
    method: "get",
    summary: "Read all files as a tar archive",
    request: { params },
    responses: { 200: { description: "The archive", content: tar }, default: ERROR },
  });
  app.openAPIRegistry.registerPath({
    ...shared,
    operationId: `${SERVICE}.WriteArchive`,
    method: "put",
    summary: "Replace all files by those of a tar archive",
    request: { params, body: { content: tar } },
    responses: {
      200: {
        description: "The volume",
        content: { "application/json": { schema: z.object({ volume: volumeOut }) } },
      },
      default: ERROR,
    },
  });
}
