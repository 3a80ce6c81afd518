/**
 * What tests have besides the code of their commit: a volume, secrets, variables, allowed hosts and a recorded tenant
 * that the commit declares. They have nothing of the function itself, so a run of tests cannot reach the data of its
 * invocations.
 */
import {
  countOf,
  exceeds,
  formatBytes,
  quoted,
  unknownMember,
  VIOLATION_OPTIONS,
  violationOf,
} from "../../config/mod.ts";
import { Buffer } from "node:buffer";
import { z } from "zod";
import { entryViolation } from "../../sandbox/egress/allowlist.ts";
import {
  SECRET_VALUE_BYTES_MAX,
  SECRETS_MAX,
  VALUE_NAME,
  VALUE_NAME_RULE,
  VARIABLES_MAX,
} from "../functions/named_values.ts";

/** The file of a commit that declares a fixture, in its field `tests`. */
export const FIXTURE_FILE = "invoked.json";

/** Most files that the fixture itself has for the volume of a test; a folder has as many as a commit may have. */
const SEED_FILES_MAX = 10_000;

/** Values by name; {@link VALUE_NAME} is the rule of the names. */
function namedValues(noun: string, value: z.ZodType<string>, max: number) {
  return z.record(z.string(), value).superRefine((values, context) => {
    const names = Object.keys(values);
    if (names.length > max) {
      const message = exceeds(names.length, max, (count) => countOf(count, "name"));
      return context.addIssue({ code: "custom", message });
    }
    for (const name of names.filter((name) => !VALUE_NAME.test(name))) {
      const message = `is not a ${noun}'s name: ${VALUE_NAME_RULE}`;
      context.addIssue({ code: "custom", message, path: [name] });
    }
  });
}

const secret = z.string().min(1)
  .refine((value) => Buffer.byteLength(value) <= SECRET_VALUE_BYTES_MAX, {
    error: ({ input }) =>
      exceeds(Buffer.byteLength(String(input)), SECRET_VALUE_BYTES_MAX, formatBytes),
  });

const allowedHost = z.string().superRefine((entry, context) => {
  const message = entryViolation(entry);
  if (message !== undefined) {
    context.addIssue({ code: "custom", message: `${quoted(entry)} ${message}` });
  }
});

/** An object that rejects other fields: the error names such a field, and the fields that the object can have. */
function strictObject<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code, keys = [] }) =>
      code === "unrecognized_keys"
        ? unknownMember(keys as readonly string[], Object.keys(shape))
        : undefined,
  });
}

const volume = strictObject({
  /** Text of each file by its path in the volume. */
  files: z.record(z.string(), z.string()).superRefine((files, context) => {
    const count = Object.keys(files).length;
    if (count <= SEED_FILES_MAX) return;
    const message = exceeds(count, SEED_FILES_MAX, (files) => countOf(files, "file"));
    context.addIssue({ code: "custom", message });
  }).optional(),
  /** A folder of the commit; its files are those of the volume. */
  folder: z.string().min(1).optional(),
}).superRefine((value, context) => {
  if (value.files === undefined || value.folder === undefined) return;
  context.addIssue({ code: "custom", message: "must have files or a folder, not both" });
});

/** A fixture as `invoked.json` and `registerTests` declare it. */
export const declaredFixture = strictObject({
  /** Each test has a volume of its own with these files; an empty one with neither files nor folder. */
  volume: volume.optional(),
  secrets: namedValues("secret", secret, SECRETS_MAX).optional(),
  variables: namedValues("variable", z.string(), VARIABLES_MAX).optional(),
  /** In the form of `outboundNetworkAllowlist`. */
  allowedHosts: z.array(allowedHost).optional(),
  /** A folder of the commit with a recording, which answers in place of a C1 tenant. */
  tenant: z.string().min(1).optional(),
});

export type DeclaredFixture = z.output<typeof declaredFixture>;

/** Why a declared fixture cannot be used. */
export class FixtureError extends Error {
  override name = "FixtureError";

  /** @param field its path in the fixture; empty for the whole */
  constructor(readonly field: string, readonly violation: string) {
    super(`${field}: ${violation}`);
  }
}

/** @throws FixtureError for JSON of another shape */
export function readFixture(json: unknown): DeclaredFixture {
  const parsed = declaredFixture.safeParse(json, VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FixtureError(
    issue?.path.join(".") ?? "",
    issue === undefined ? "is not valid" : violationOf(issue),
  );
}

/** The fixture in a commit's {@link FIXTURE_FILE}. @throws FixtureError */
export function readFixtureFile(content: Uint8Array): DeclaredFixture {
  try {
    const { tests } = JSON.parse(new TextDecoder().decode(content)) as { readonly tests?: unknown };
    return readFixture(tests ?? {});
  } catch (error) {
    if (error instanceof FixtureError) throw error;
    throw new FixtureError("", "the file is not a JSON object");
  }
}
