/** Finds what looks like a secret in files that are about to be uploaded, and in variables. */
import { basename, extname } from "node:path";
import { lintSource } from "@secretlint/core";
import { creator as preset } from "@secretlint/secretlint-rule-preset-recommend";
import { hasValidApiKey } from "../../shared/api_keys.ts";
import type { Files } from "../client/api.ts";

/** A file that looks like a secret, or contains a secret. */
export interface SecretLike {
  readonly path: string;
  /** Undefined if the name of the file says it. */
  readonly line: number | undefined;
  /** Such as `privatekey`; never the secret itself. */
  readonly kind: string;
}

/** A larger file is judged by its name alone; sources are smaller. */
const MAX_SCANNED_BYTES = 1024 * 1024;

/** Names that do not begin with a dot: hidden files are not uploaded. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^env(?:\..+)?$|\.env$/i, "environment"],
  [/\.(?:pem|key|p8|p12|pfx|jks|keystore|ppk|kdbx)$/i, "key or certificate"],
  [/^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/, "private key"],
  [/^(?:credentials?|client[_-]?secrets?|service[_-]?account)\b.*\.json$/i, "credentials"],
  [/^secrets?\.(?:json|ya?ml|toml|ini|txt)$/i, "secrets"],
  [/^(?:npmrc|netrc|pypirc|pgpass|htpasswd)$/, "credentials of a tool"],
];

/** RFC 8959: the scheme of secrets that scanners have to find, such as the client secrets of C1. */
const SECRET_TOKEN = /secret-token:[\w.~%:+/=-]{16,}/;

const PRESET_ID = "@secretlint/secretlint-rule-preset-recommend";
const RULE_PREFIX = "@secretlint/secretlint-rule-";

/** The files that look like secrets, in the order of the paths; at most one finding for each line. */
export async function findSecrets(files: Files): Promise<SecretLike[]> {
  const found: SecretLike[] = [];
  for (const [path, content] of files) {
    const kind = NAMES.find(([pattern]) => pattern.test(basename(path)))?.[1];
    if (kind !== undefined) found.push({ path, line: undefined, kind });
    else if (content.length <= MAX_SCANNED_BYTES) found.push(...await scan(path, content));
  }
  return found;
}

/** The names of the variables whose value looks like a secret. */
export async function secretVariables(
  variables: Readonly<Record<string, string>>,
): Promise<string[]> {
  const names: string[] = [];
  for (const [name, value] of Object.entries(variables)) {
    const found = await scan(name, new TextEncoder().encode(`${name}=${value}`));
    if (found.length > 0) names.push(name);
  }
  return names;
}

async function scan(path: string, content: Uint8Array): Promise<SecretLike[]> {
  const text = new TextDecoder().decode(content);
  if (text.includes("\0")) return [];
  const { messages } = await lintSource({
    source: { content: text, filePath: path, ext: extname(path), contentType: "text" },
    options: { config: { rules: [{ id: PRESET_ID, rule: preset }] }, noPhysicFilePath: true },
  });
  const byLine = new Map(messages.map(({ ruleId, loc }) => [
    loc.start.line,
    ruleId.replace(RULE_PREFIX, ""),
  ]));
  text.split("\n").forEach((line, index) => {
    if (SECRET_TOKEN.test(line)) byLine.set(index + 1, "secret-token");
    if (hasValidApiKey(line)) byLine.set(index + 1, "API key");
  });
  return [...byLine].toSorted(([a], [b]) => a - b).map(([line, kind]) => ({ path, line, kind }));
}

/** `a.ts:3 (npm)` or `key.pem (private key)`. */
export function describeSecret({ path, line, kind }: SecretLike): string {
  return `${line === undefined ? path : `${path}:${line}`} (${kind})`;
}
