/** Checks `deno.lock`: that of a commit, and that of a build. */

import { z } from "zod";

/** The lock of a commit without dependencies. */
export const EMPTY_LOCK = '{\n  "version": "5"\n}\n';

/** Name of the lock file in a commit. */
export const LOCK_NAME = "deno.lock";

// The versions of peers may follow the version: `1.2.3_react@19.0.0`.
const npmName = /^(?:@[\w.~-]+\/)?[\w.~-]+@\d+\.\d+\.\d+[\w.+~@-]*$/;

/**
 * The parts that a build uses. The other parts lock modules by URL and of jsr, which no function can import, or belong
 * to the configuration file.
 */
const lockSchema = z.object({
  version: z.enum(["4", "5"]),
  specifiers: z.record(z.string(), z.string()).transform(ofNpm).optional(),
  npm: z.record(
    z.string().regex(npmName, "is not the name and version of an npm package"),
    z.looseObject({ tarball: z.string().optional() }),
  ).optional(),
});

/** The text of a lock of packages from the registry, or its error. */
type CheckedLock =
  | {
    readonly kind: "lock";
    readonly text: string;
    /** Whether it contains download URLs; only download URLs of the registry are trusted. */
    readonly hasTarballs: boolean;
  }
  | { readonly kind: "error"; readonly message: string };

/** Checks a lock file; the resulting text locks packages of npm alone. */
export function checkLock(text: string, registry: string): CheckedLock {
  const parsed = lockSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = issue && issue.path.length > 0 ? ` at ${issue.path.join(".")}` : "";
    return error(`it is not a lock of npm packages${at}: ${issue?.message ?? "invalid"}`);
  }
  const lock = parsed.data;
  let hasTarballs = false;
  for (const [name, entry] of Object.entries(lock.npm ?? {})) {
    // Deno downloads a tarball from the URL in the lock, so the URL must be one of the registry.
    hasTarballs ||= entry.tarball !== undefined;
    if (entry.tarball !== undefined && !isBelow(entry.tarball, registry)) {
      return error(`${name} comes from ${entry.tarball}, which is not in the package registry`);
    }
  }
  return { kind: "lock", text: JSON.stringify(lock, null, 2) + "\n", hasTarballs };
}

function ofNpm(specifiers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(specifiers).filter(([name]) => name.startsWith("npm:")),
  );
}

function error(message: string): CheckedLock {
  return { kind: "error", message };
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
