import { formatCount } from "../../config/mod.ts";
import type { Files } from "../client/api.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, paintNote } from "../terminal/output.ts";
import type { SecretLike } from "./secret_scan.ts";

/** Files that look like secrets and are named. */
const MAX_NAMED = 10;

/** Warns of uploads that look like secrets. An unchanged file is in a commit already. */
export async function secretsAmong(uploads: Files): Promise<SecretLike[]> {
  if (uploads.size === 0) return [];
  const { describeSecret, findSecrets } = await import("./secret_scan.ts");
  const found = await findSecrets(uploads);
  if (found.length === 0) return found;
  const named = found.slice(0, MAX_NAMED).map((secret) => oneLine(describeSecret(secret)));
  const others = found.length - named.length;
  note(paintNote(
    "yellow",
    `Warning: this looks like a secret: ${named.join(", ")}` +
      (others > 0 ? ` and ${formatCount(others)} more` : ""),
  ));
  note(
    "  a commit keeps it until invoked purge; exclude it by .invokedignore, and use invoked secrets set",
  );
  return found;
}
