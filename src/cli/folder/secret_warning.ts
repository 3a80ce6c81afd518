import type { Files } from "../client/api.ts";
import { oneLine } from "../terminal/failure.ts";
import { firstOf, note, warn } from "../terminal/output.ts";
import type { SecretLike } from "./secret_scan.ts";

/** Files that look like secrets and are named. */
const MAX_NAMED = 10;

/** Warns of uploads that look like secrets. An unchanged file is in a commit already. */
export async function secretsAmong(uploads: Files): Promise<SecretLike[]> {
  if (uploads.size === 0) return [];
  const { describeSecret, findSecrets } = await import("./secret_scan.ts");
  const found = await findSecrets(uploads);
  if (found.length === 0) return found;
  const named = found.map((secret) => oneLine(describeSecret(secret)));
  warn(`Warning: this looks like a secret: ${firstOf(named, MAX_NAMED)}`);
  note(
    "  a commit keeps it until invoked purge; exclude it by .invokedignore, and use invoked secrets set",
  );
  return found;
}

/** Warns of variables that look like secrets: whoever may read the function sees them. */
export async function warnOfSecretVariables(
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (Object.keys(variables).length === 0) return;
  const { secretVariables } = await import("./secret_scan.ts");
  for (const name of await secretVariables(variables)) {
    warn(
      `Warning: variable ${oneLine(name)} looks like a secret, and variables can be read; ` +
        "use invoked secrets set",
    );
  }
}
