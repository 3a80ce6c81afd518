import { getLogger } from "@logtape/logtape";
import { writePrivateFile } from "../shared/files.ts";
import type { ClientRow, IdentityReader } from "../store/identity.ts";
import type { AuditEntry } from "../store/audit.ts";
import type { Store } from "../store/mod.ts";
import type { Ids } from "./ids.ts";
import { locks } from "./locks.ts";
import {
  type ClientCredentials,
  clientHost,
  newServicePrincipal,
  OWNER,
  SERVER,
} from "./identity/mod.ts";
import { isLastingOwner } from "./identity/rights.ts";
import type { Audit } from "./audit/audit.ts";
import { entryOf } from "./audit/ocsf.ts";
import type { Functions } from "./functions/functions.ts";
import type { Node } from "./ownership/contract.ts";

const logger = getLogger(["invoked", "domain"]);

const HELLO = "hello";
/** What a first start does, as the operation of its audit events. */
const FIRST_START = "invoked.Server.FirstStart";
/** `credentials.json` in the data directory. */
interface CredentialsFile extends ClientCredentials {
  readonly serverUrl: string;
}

/** The client of the first service principal. */
interface NewClient {
  /** Of the principal. */
  readonly id: string;
  readonly clientId: string;
  readonly displayName: string;
}

/**
 * Makes the first service principal, an administrator, and writes its credentials to the file (0600). Later
 * starts update the server URL in that file, or make another one if no owner is left who can sign in or has a client.
 *
 * @returns the client that was made; undefined if there was one, or if another node has made it
 * @param serverUrl base URL without a trailing slash
 */
export async function keepCredentials(
  store: Store,
  ids: Ids,
  path: string,
  serverUrl: string,
): Promise<NewClient | undefined> {
  if (await hasOwner(store.read.identity)) {
    await updateServerUrl(path, serverUrl);
    return undefined;
  }
  const { credentials, insert, ...client } = await newServicePrincipal(ids, {
    displayName: "Administrator",
    roles: [OWNER.id],
    host: clientHost(serverUrl),
  });
  // First the file: a crash in between leaves credentials that are not valid, and the next start makes new ones.
  await writeCredentials(path, { serverUrl, ...credentials });
  const isFirst = await store.writeLocked([locks.firstPrincipal, locks.auditChain], async (tx) => {
    if (await hasOwner(tx.identity)) return false;
    await insert(tx);
    await tx.audit.append(firstOwnerEntry(ids, client));
    return true;
  });
  // Another node has made one meanwhile, and has its credentials.
  if (isFirst) return client;
  await Deno.remove(path);
  return undefined;
}

/** What the audit log records of the owner that a start makes. */
function firstOwnerEntry(ids: Ids, { clientId, displayName }: NewClient): AuditEntry {
  const { id: uid, time } = ids.nextWithTime();
  return entryOf({
    kind: "call",
    operation: FIRST_START,
    activity: "create",
    actor: SERVER,
    resources: [{ type: "credential", id: clientId, name: displayName, change: "created" }],
  }, { uid, time, source: {} });
}

/** Whether an owner can act: a person, or a service principal with a client that has all of its rights. */
async function hasOwner(
  identity: Pick<IdentityReader, "allClients" | "principalsWithRole">,
): Promise<boolean> {
  const owners = (await identity.principalsWithRole(OWNER.id)).filter(isLastingOwner);
  if (owners.some(({ kind }) => kind === "person")) return true;
  const ids = new Set(owners.map(({ id }) => id));
  return (await identity.allClients()).some((row) => ids.has(row.principal.id) && isWhole(row));
}

/** Whether a client can act with all rights of its principal. */
function isWhole({ credential: { kind, disabled, expiresAt, scopedRoles } }: ClientRow): boolean {
  const roles = JSON.parse(scopedRoles) as string[];
  return kind !== "trust" && disabled === 0 &&
    (expiresAt === null || Date.parse(expiresAt) > Date.now()) &&
    (roles.length === 0 || roles.includes(OWNER.id));
}

async function updateServerUrl(path: string, serverUrl: string): Promise<void> {
  let file: CredentialsFile;
  try {
    file = JSON.parse(await Deno.readTextFile(path)) as CredentialsFile;
  } catch (error) {
    // The operator may have moved the credentials elsewhere.
    logger.debug("{path} is not kept up to date", { path, error });
    return;
  }
  if (file.serverUrl !== serverUrl) await writeCredentials(path, { ...file, serverUrl });
}

async function writeCredentials(path: string, file: CredentialsFile): Promise<void> {
  await writePrivateFile(path, `${JSON.stringify(file, null, 2)}\n`);
}

/**
 * Deploys and publishes the example into a store that never had a function. Answers its id at every start;
 * undefined when it was deleted, and while another node deploys it.
 *
 * @param readExample reads the example's files
 */
export async function deployHello(
  store: Store,
  node: Node,
  { functions, audit }: { readonly functions: Functions; readonly audit: Audit },
  readExample: () => Promise<Map<string, Uint8Array>>,
): Promise<string | undefined> {
  if (await store.read.functions.any()) return await findHello(functions);
  if (!node.holds("housekeeping")) return undefined;
  try {
    const request = { operation: FIRST_START, activity: "create", actor: SERVER } as const;
    return await audit.within(
      { ...request, mode: "changes", resources: [], source: {} },
      async () => await publishHello(functions, await readExample()),
    );
  } catch (error) {
    logger.warn("The example could not be deployed; the server works without it", { error });
    return undefined;
  }
}

/** Answers the id of the function. */
async function publishHello(
  functions: Functions,
  initialContent: Map<string, Uint8Array>,
): Promise<string> {
  const { fn, commit } = await functions.create(SERVER, {
    displayName: HELLO,
    description: "Says hello. Deployed at the first start, from examples/hello",
    functionType: "FUNCTION_TYPE_ANY",
    initialContent,
    commitMessage: "First commit",
  });
  const change = { publishedCommitId: commit?.id };
  await functions.update(SERVER, {
    id: fn.row.id,
    change,
    mask: "publishedCommitId",
    content: undefined,
    commitMessage: "",
  });
  return fn.row.id;
}

async function findHello(functions: Functions): Promise<string | undefined> {
  const filter = { query: HELLO, functionTypes: [], within: "all" } as const;
  const { list } = await functions.search(filter, { pageSize: 100 });
  return list.findLast(({ row }) => row.displayName === HELLO && row.publishedCommitId !== null)
    ?.row.id;
}
