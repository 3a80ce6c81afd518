import { VIOLATION_OPTIONS, violationOf } from "../../config/field_violations.ts";
import { join } from "node:path";
import { z } from "zod";
import { readTextFile } from "../../shared/files.ts";
import { declaredFixture } from "../../domain/testing/fixture.ts";
import { IN_FILE } from "./function_settings.ts";
import { declaredTrigger } from "./triggers.ts";
import { describeError, Failure, UsageFailure } from "../terminal/failure.ts";
import { jsonViolation } from "../terminal/json_violation.ts";

export const MANIFEST_NAME = "invoked.json";

const Manifest = z.strictObject({
  /** The JSON Schema of the file, for editors. */
  $schema: z.string().optional(),
  /** Needed if several functions have the name, or the name on the server may change. */
  id: z.string().optional(),
  ...IN_FILE,
  tenant: IN_FILE.tenant.superRefine((tenant, context) => {
    // An empty object removes the tenant.
    if (tenant === undefined || Object.keys(tenant).length === 0 || "id" in tenant) return;
    context.addIssue({ code: "custom", message: "is missing", path: ["id"] });
  }),
  /** A folder above, with files that the function imports. */
  root: z.string().regex(/^\.\.(?:\/\.\.)*\/?$/, 'must be a folder above, such as "..", or "../.."')
    .optional(),
  /** The triggers of the function, by name. Triggers on the server with other names are kept. */
  triggers: z.record(z.string().min(1), declaredTrigger).optional(),
  /** What the tests have besides the code; a commit has this part of the manifest. */
  tests: declaredFixture.optional(),
});

/** `invoked.json`, the settings of the function in a folder, without secrets. An absent field does not change on the server. */
export type Manifest = z.output<typeof Manifest>;

type Field = keyof Manifest;

/** The manifest of a folder; undefined without a manifest. @throws {Failure} for an invalid manifest */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  return await readAs(folder, Manifest);
}

/**
 * Fields of the manifest of a folder; undefined without a manifest. Violations of other fields are left to the commands that
 * need these.
 *
 * @throws {Failure} for a file that is not a JSON object, and for an invalid field
 */
export async function readFields<Name extends Field>(
  folder: string,
  names: readonly Name[],
): Promise<Pick<Manifest, Name> | undefined> {
  const shape = Object.fromEntries(names.map((name) => [name, Manifest.shape[name]]));
  return await readAs(folder, z.object(shape)) as Pick<Manifest, Name> | undefined;
}

async function readAs<Schema extends z.ZodType>(
  folder: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const path = join(folder, MANIFEST_NAME);
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Failure(`Failed to read ${path}: ${describeError(error)}`, {
      next: "make the file readable",
    });
  }
  const parsed = schema.safeParse(await parseManifest(path, text), VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.map((issue) =>
    `${issue.path.length === 0 ? "the file" : issue.path.join(".")}: ${violationOf(issue)}`
  );
  const hasUnknown = parsed.error.issues.some(({ code, path }) =>
    code === "unrecognized_keys" && path.length === 0
  );
  const page = PAGES[String(parsed.error.issues[0]?.path[0])] ?? "docs/first-function.md";
  throw new UsageFailure(`Invalid ${path}: ${violations.join("; ")}`, {
    next: hasUnknown
      ? `its fields are ${Object.keys(Manifest.shape).join(", ")}`
      : `correct what the message names; ${page} describes it`,
  });
}

/** Pages of fields whose members `docs/first-function.md` leaves to them. */
const PAGES: Readonly<Record<string, string>> = {
  tenant: "docs/tenants.md",
  tests: "docs/testing.md",
  triggers: "docs/triggers.md",
};

async function parseManifest(path: string, text: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageFailure(`Invalid ${path}: it is not JSON${await jsonViolation(text, error)}`, {
      next: "correct it; invoked init creates a valid one in another folder",
    });
  }
}

/** The manifest of a folder. @throws {Failure} for a folder without a manifest */
export async function needManifest(folder: string): Promise<Manifest> {
  return await readManifest(folder) ?? failWithout(folder);
}

async function needFields<Name extends Field>(
  folder: string,
  names: readonly Name[],
): Promise<Pick<Manifest, Name>> {
  return await readFields(folder, names) ?? failWithout(folder);
}

function failWithout(folder: string): never {
  throw new UsageFailure(`Folder ${folder} has no ${MANIFEST_NAME}`, {
    next: "create a function with invoked init NAME, or change to the folder of one",
  });
}

/** Fields that a local server does not need: id and destinations belong to the server of the deploy. */
const DEPLOYED_FIELDS = ["id", "onSuccess", "onFailure"] as const;
const LOCAL_FIELDS = (Object.keys(Manifest.shape) as Field[]).filter((
  name,
): name is Exclude<Field, typeof DEPLOYED_FIELDS[number]> =>
  !(DEPLOYED_FIELDS as readonly Field[]).includes(name)
);

/** The fields of a manifest that a local server needs. @throws {Failure} for a folder without a manifest */
export async function needLocalManifest(
  folder: string,
): Promise<Omit<Manifest, typeof DEPLOYED_FIELDS[number]>> {
  return await needFields(folder, LOCAL_FIELDS);
}

/** What names the function of a folder on a server: its id, or its name. Undefined without a manifest. */
export async function readNameOrId(folder: string): Promise<string | undefined> {
  const id = (await readFields(folder, ["id"]))?.id;
  return id ?? (await readFields(folder, ["name"]))?.name;
}

/** {@link readNameOrId} of a folder that must have a manifest. */
export async function needNameOrId(folder: string): Promise<string> {
  return await readNameOrId(folder) ?? failWithout(folder);
}

/** The manifest of a commit: only the fixture of the tests. Undefined without a fixture. */
export async function fixtureFile(folder: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const tests = (await readFields(folder, ["tests"]))?.tests;
  return tests && new TextEncoder().encode(`${JSON.stringify({ tests }, null, 2)}\n`);
}
