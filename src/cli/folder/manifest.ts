import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../client/api_error.ts";
import { describeError, Failure } from "../terminal/failure.ts";

export const MANIFEST_NAME = "invoked.json";

const Manifest = z.strictObject({
  /** Where the name on the server may change, or is not the only one. */
  id: z.string().optional(),
  name: z.string().min(1),
  description: z.string().optional(),
  allowlist: z.array(z.string()).optional(),
  /** Name or id of the volume that calls of the command line attach. */
  volume: z.string().min(1).optional(),
  /** What the function may do with the API. */
  roles: z.array(z.string()).optional(),
  provisionedConcurrency: z.number().int().min(0).optional(),
  /** Whether a process runs one call, or one after another. */
  processReuse: z.enum(["PROCESS_REUSE_NONE", "PROCESS_REUSE_SEQUENTIAL"]).optional(),
});

/** What `invoked.json` says of the function of a folder; never a secret. A field that is absent stays as it is on the server. */
export type Manifest = z.output<typeof Manifest>;

/** The manifest of a folder; undefined where it has none. @throws {Failure} for one that cannot be used */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, MANIFEST_NAME);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Failure(`Cannot read ${path}: ${describeError(error)}`);
  }
  const json = parseJson(text);
  if (json === undefined) {
    throw new Failure(`Cannot use ${path}: it is not JSON`, {
      next: "correct it; invoked init makes one, in another folder",
      exit: "usage",
    });
  }
  const parsed = Manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) =>
    `${path.length === 0 ? "the file" : path.join(".")}: ${message}`
  );
  throw new Failure(`Cannot use ${path}: ${faults.join("; ")}`, {
    next:
      "its fields are name, description, allowlist, volume, roles, provisionedConcurrency, processReuse and id",
    exit: "usage",
  });
}

/** The manifest of a folder that must have one. */
export async function needManifest(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  if (manifest !== undefined) return manifest;
  throw new Failure(`There is no ${MANIFEST_NAME} in ${folder}`, {
    next: "make a folder with a function with invoked init NAME, or change to one",
    exit: "usage",
  });
}
