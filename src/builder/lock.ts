/** `deno.lock`: what may come in with a commit, and what goes out. */

import { z } from "zod";

/** The lock of a commit without dependencies. */
export const EMPTY_LOCK = '{\n  "version": "5"\n}\n';

/** Name of the lock file in a commit. */
export const LOCK_NAME = "deno.lock";

const nothing = z.record(z.string(), z.unknown()).refine(
  (value) => Object.keys(value).length === 0,
  "only npm packages can be locked",
).optional();

// Behind the version may come those of peers, `1.2.3_react@19.0.0`.
const npmName = /^(?:@[\w.~-]+\/)?[\w.~-]+@\d+\.\d+\.\d+[\w.+~@-]*$/;

const lockSchema = z.strictObject({
  version: z.enum(["4", "5"]),
  specifiers: z.record(
    z.string().startsWith("npm:", "only npm packages can be locked"),
    z.string(),
  ).optional(),
  npm: z.record(
    z.string().regex(npmName, "is not the name and version of an npm package"),
    z.looseObject({ tarball: z.string().optional() }),
  ).optional(),
  jsr: nothing,
  remote: nothing,
  redirects: nothing,
  // Belongs to the configuration file that a commit is not built with.
  workspace: z.unknown().optional(),
});

/** Either the text of a lock that names nothing but packages of the registry, or why it does not. */
export type CheckedLock =
  | {
    readonly kind: "lock";
    readonly text: string;
    /** Whether it says where packages are downloaded from, which only the registry can be trusted to say. */
    readonly hasTarballs: boolean;
  }
  | { readonly kind: "fault"; readonly message: string };

/** Checks a lock file; the text that comes back has no `workspace` part. */
export function checkLock(text: string, registry: string): CheckedLock {
  const parsed = lockSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue && issue.path.length > 0 ? ` at ${issue.path.join(".")}` : "";
    return fault(`it is not a lock of npm packages${place}: ${issue?.message ?? "invalid"}`);
  }
  const { workspace: _, ...lock } = parsed.data;
  let hasTarballs = false;
  for (const [name, entry] of Object.entries(lock.npm ?? {})) {
    // Deno downloads a tarball from where the lock says, so it must not say anything but the registry.
    hasTarballs ||= entry.tarball !== undefined;
    if (entry.tarball !== undefined && !isBelow(entry.tarball, registry)) {
      return fault(`${name} comes from ${entry.tarball}, which is not in the package registry`);
    }
  }
  return { kind: "lock", text: JSON.stringify(lock, null, 2) + "\n", hasTarballs };
}

function fault(message: string): CheckedLock {
  return { kind: "fault", message };
}

function isBelow(url: string, registry: string): boolean {
  const base = new URL(registry);
  return URL.canParse(url) && new URL(url).origin === base.origin && base.origin !== "null";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
