/**
 * Makes the users of NATS: API nodes and workers, each with a key of its own, which `--nats-credentials` takes. They are
 * listed in the configuration of nats-server, which must be reloaded then; or signed with the key of their role, and
 * nats-server knows them without a change. The signing key of a role makes users of this role alone.
 */
import { join } from "node:path";
import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromPublic,
  fromSeed,
  type KeyPair,
  newScopedSigner,
  type UserPermissionsLimits,
} from "@nats-io/jwt";
import { ifExists, writePrivateFile } from "../../shared/files.ts";
import {
  type Permissions,
  permissionsOf,
  readPermissions,
  type Role,
  ROLES,
} from "./permissions.ts";

const USERS_FILE = "users.conf";
const ACCOUNTS_FILE = "accounts.conf";
/** The public key of the account that users belong to. */
const ACCOUNT_FILE = "account.pub";
const SEED_FILE = /^(api|worker)-.+\.nk$/;

const NO_LIMIT = -1;
const USER_LIMITS = { subs: NO_LIMIT, data: NO_LIMIT, payload: NO_LIMIT };
const ACCOUNT_LIMITS = { ...USER_LIMITS, conn: NO_LIMIT, wildcards: true };
const NANOSECONDS = { s: 1e9, m: 60e9 };

/** Makes a user with an NKey, or keeps the one of that name, and lists all of the directory in `users.conf`. */
export async function makeNkeyUser(directory: string, role: Role, name: string): Promise<string> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, `${role}-${name}.nk`);
  await writeKey(file, createUser());
  const entries: string[] = [];
  for (
    const found of (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort()
  ) {
    const [, role] = SEED_FILE.exec(found) ?? [];
    if (role === undefined) continue;
    const nkey = (await readKey(join(directory, found))).getPublicKey();
    const permissions = permissionsOf(await readPermissions(role as Role), nkey);
    entries.push(`# ${found}\n${JSON.stringify({ nkey, permissions }, null, 2)}`);
  }
  const text = `authorization {\n  users: [\n${entries.join("\n")}\n  ]\n}\n`;
  await Deno.writeTextFile(join(directory, USERS_FILE), text);
  return file;
}

/** Makes `accounts.conf` for nats-server, and the signing key of each role. Keys that exist are kept. */
export async function makeAccounts(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const key = async (name: string, create: () => KeyPair) => {
    const file = join(directory, `${name}.nk`);
    await writeKey(file, create());
    return await readKey(file);
  };
  const operator = await key("operator", createOperator);
  const system = await key("system", createAccount);
  const account = await key("account", createAccount);
  const signing_keys = [];
  for (const role of ROLES) {
    const signer = await key(role, createAccount);
    signing_keys.push(newScopedSigner(signer, role, limitsOf(await readPermissions(role))));
  }
  const jetstream = {
    mem_storage: NO_LIMIT,
    disk_storage: NO_LIMIT,
    streams: NO_LIMIT,
    consumer: NO_LIMIT,
  };
  const limits = { ...ACCOUNT_LIMITS, ...jetstream };
  const signed = { signer: operator };
  const file = join(directory, ACCOUNTS_FILE);
  // An unreadable file must fail: its tokens would be replaced.
  const earlier = tokensIn(await ifExists(Deno.readTextFile(file)) ?? "");
  const accounts = [
    [account, await encodeAccount("invoked", account, { limits, signing_keys }, signed)],
    [system, await encodeAccount("system", system, { limits: ACCOUNT_LIMITS }, signed)],
  ] as const;
  const jwt = await encodeOperator("invoked", operator, { system_account: system.getPublicKey() });
  const preloaded = accounts.map(([key, jwt]) => `  ${key.getPublicKey()}: ${kept(jwt, earlier)}`);
  await writePrivateFile(
    file,
    `operator: ${kept(jwt, earlier)}\nresolver: MEMORY\n` +
      `resolver_preload {\n${preloaded.join("\n")}\n}\n`,
  );
  await Deno.writeTextFile(join(directory, ACCOUNT_FILE), `${account.getPublicKey()}\n`);
}

/** The tokens of a configuration. */
function tokensIn(text: string): readonly string[] {
  return text.match(/\b[\w-]+\.[\w-]+\.[\w-]+(?=\s)/g) ?? [];
}

/** The earlier token that says the same: nats-server reloads no configuration with another token of the operator. */
function kept(token: string, earlier: readonly string[]): string {
  const claims = claimsOf(token);
  return earlier.find((other) => claimsOf(other) === claims) ?? token;
}

/** What a token says, without when it was signed. */
function claimsOf(token: string): string {
  const [, payload = ""] = token.split(".");
  try {
    const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    const { iat: _, jti: __, ...claims } = JSON.parse(new TextDecoder().decode(bytes));
    return JSON.stringify(claims);
  } catch {
    return token;
  }
}

/**
 * Signs a new user of a role. Needs `<role>.nk` and `account.pub` of {@link makeAccounts} alone, so that whoever starts
 * workers can make no API node.
 * @returns the content of a file `.creds`
 */
export async function signUser(directory: string, role: Role, name: string): Promise<Uint8Array> {
  const account = (await Deno.readTextFile(join(directory, ACCOUNT_FILE))).trim();
  const signer = await readKey(join(directory, `${role}.nk`));
  const user = createUser();
  const issuer_account = fromPublic(account).getPublicKey();
  const jwt = await encodeUser(name, user, signer, { issuer_account }, { scopedUser: true });
  return fmtCreds(jwt, user);
}

/** The permissions of a role in the form of accounts. */
function limitsOf(
  { publish, subscribe, allow_responses }: Permissions,
): Partial<UserPermissionsLimits> {
  const resp = allow_responses === undefined
    ? {}
    : { resp: { max: allow_responses.max, ttl: nanoseconds(allow_responses.expires) } };
  return {
    ...USER_LIMITS,
    pub: { allow: [...publish.allow] },
    sub: { allow: [...subscribe.allow] },
    ...resp,
  };
}

function nanoseconds(duration: string): number {
  const [, count, unit] = /^(\d+)([sm])$/.exec(duration) ?? [];
  if (unit === undefined) {
    throw new Error(`Invalid duration ${duration}: write it as 30s or 5m`);
  }
  return Number(count) * NANOSECONDS[unit as keyof typeof NANOSECONDS];
}

/** Keeps a key that is there. */
async function writeKey(file: string, key: KeyPair): Promise<void> {
  try {
    await Deno.writeFile(file, key.getSeed(), { createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

async function readKey(file: string): Promise<KeyPair> {
  const seed = (await Deno.readTextFile(file)).trim();
  return fromSeed(new TextEncoder().encode(seed));
}
