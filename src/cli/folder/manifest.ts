import { FAULT_OPTIONS, faultOf } from "../../config/field_faults.ts";
import { join } from "node:path";
import { z } from "zod";
import { readTextFile } from "../../shared/files.ts";
import { declaredFixture } from "../../domain/testing/fixture.ts";
import { SETTING_SCHEMAS } from "./function_settings.ts";
import { declaredTrigger } from "./triggers.ts";
import { describeError, Failure } from "../terminal/failure.ts";

export const MANIFEST_NAME = "invoked.json";

const Manifest = z.strictObject({
  /** Needed if several functions have the name, or the name on the server may change. */
  id: z.string().optional(),
  name: z.string().regex(/\S/, "must not be empty"),
  description: z.string().optional(),
  allowlist: z.array(z.string()).optional(),
  /** A folder above, with files that the function imports. */
  root: z.string().regex(/^\.\.(?:\/\.\.)*\/?$/, 'must be a folder above, such as "..", or "../.."')
    .optional(),
  /** Name or id of the volume of calls that name none. */
  volume: z.string().min(1).optional(),
  /** Ids of the roles that the function has for calls of the API. */
  roles: z.array(z.string()).optional(),
  /** Plain values by name; the new set of all. */
  variables: z.record(z.string(), z.string()).optional(),
  ...z.object(SETTING_SCHEMAS).partial().shape,
  // A secret is set by `invoked settings set`, and kept by deploys.
  onSuccess: SETTING_SCHEMAS.onSuccess.omit({ secret: true }).optional(),
  onFailure: SETTING_SCHEMAS.onFailure.omit({ secret: true }).optional(),
  /** What starts the function, by name. Those on the server with other names stay. */
  triggers: z.record(z.string().min(1), declaredTrigger).optional(),
  /** What the tests have besides the code; a commit has this part of the manifest. */
  tests: declaredFixture.optional(),
});

/** `invoked.json`, the settings of the function in a folder, without secrets. An absent field does not change on the server. */
export type Manifest = z.output<typeof Manifest>;

/** The manifest of a folder; undefined without one. @throws {Failure} for an invalid one */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, MANIFEST_NAME);
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Failure(`Cannot read ${path}: ${describeError(error)}`);
  }
  const parsed = Manifest.safeParse(parseManifest(path, text), FAULT_OPTIONS);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) =>
    `${issue.path.length === 0 ? "the file" : issue.path.join(".")}: ${faultOf(issue)}`
  );
  throw new Failure(`Cannot use ${path}: ${faults.join("; ")}`, {
    next: `its fields are ${Object.keys(Manifest.shape).join(", ")}`,
    exit: "usage",
  });
}

function parseManifest(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(`Cannot use ${path}: it is not JSON: ${describeError(error)}`, {
      next: "correct it; invoked init creates a valid one in another folder",
      exit: "usage",
    });
  }
}

/** The manifest of a folder that must have one. */
export async function needManifest(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  if (manifest !== undefined) return manifest;
  throw new Failure(`Cannot use folder ${folder}: it has no ${MANIFEST_NAME}`, {
    next: "create a function with invoked init NAME, or change to the folder of one",
    exit: "usage",
  });
}

/** The manifest as the commit has it: the fixture of the tests alone. Undefined without one. */
export async function fixtureFile(folder: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const tests = (await readManifest(folder))?.tests;
  return tests && new TextEncoder().encode(`${JSON.stringify({ tests }, null, 2)}\n`);
}
