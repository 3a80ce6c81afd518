/** Secrets of the triggers of a local server, in its data directory: `invoked trigger test` signs with them. */
import { join } from "node:path";
import { z } from "zod";
import { readTextFile, writePrivateFile } from "../../shared/files.ts";

const NAME = "trigger-secrets.json";

const LocalSecret = z.object({
  /** The secret, or the private key of Discord's signature in PEM. */
  secret: z.string(),
});
const LocalSecrets = z.record(z.string(), LocalSecret);

/** Keeps the secrets of triggers by the ids of the triggers. */
export async function keepTriggerSecrets(
  dataDir: string,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const entries = Object.entries(secrets).map(([id, secret]) => [id, { secret }]);
  await writePrivateFile(join(dataDir, NAME), JSON.stringify(Object.fromEntries(entries)));
}

/** The secret of a trigger; undefined if the directory has no secret. */
export async function localTriggerSecret(
  dataDir: string,
  triggerId: string,
): Promise<string | undefined> {
  let text: string;
  try {
    text = await readTextFile(join(dataDir, NAME));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return LocalSecrets.parse(JSON.parse(text))[triggerId]?.secret;
}
