/**
 * What the check of an access token and of a permission costs a call, in processor time:
 * `node_modules/deno/deno run --allow-all bench/access_check.ts`.
 */
import process from "node:process";
import { OPERATIONS } from "../src/api/mod.ts";
import { permissionCatalog } from "../src/api/permissions.ts";
import { Ids } from "../src/domain/ids.ts";
import {
  AccessTokens,
  CredentialUses,
  LiveClients,
  MAY_INVOKE,
  newServicePrincipal,
  requirePermission,
  SigningKeys,
} from "../src/domain/identity/mod.ts";
import { BUILTIN_ROLE_IDS } from "../src/resources/roles.ts";
import { openStore } from "../src/store/mod.ts";
import { Sealer } from "../src/store/sealing.ts";

const CALLS = 200_000;

const directory = await Deno.makeTempDir();
{
  await using store = await openStore(directory);
  const ids = new Ids();
  const liveClients = new LiveClients(permissionCatalog(OPERATIONS), Infinity);
  const keys = await SigningKeys.open(store, new Sealer(new Uint8Array(32)), ids);
  const options = { issuer: "http://127.0.0.1", lifetimeMs: 3_600_000 };
  const { identity } = store.read;
  const tokens = new AccessTokens(keys, identity, liveClients, new CredentialUses(store), options);
  const roleId = ids.next();
  const functionIds = Array.from({ length: 20 }, () => ids.next());
  const now = new Date().toISOString();
  const permissions = JSON.stringify([MAY_INVOKE.operationId]);
  const role = { id: roleId, displayName: "r", permissions, createdAt: now, updatedAt: now };
  await store.write((tx) =>
    tx.identity.insertRole({ ...role, functionIds: JSON.stringify(functionIds), deletedAt: null })
  );
  const made = async (roles: readonly string[]) => {
    const spec = { displayName: "bench", roles, host: "127.0.0.1" };
    const { clientId, insert } = await newServicePrincipal(ids, spec);
    await store.write((tx) => insert(tx));
    const client = liveClients.of(await identity.client(clientId));
    if (client === undefined) throw new Error("the client is not live");
    return client;
  };
  const [owner, narrowed] = [
    await made([BUILTIN_ROLE_IDS["system:owner"]]),
    await made([roleId]),
  ];
  const cases = {
    "owner": { client: owner },
    "narrowed to 20 functions": { client: narrowed },
    "owner, token cut by a built-in role": {
      client: owner,
      roles: [BUILTIN_ROLE_IDS["functions:invoker"]],
    },
    "owner, token cut by a narrowed role": { client: owner, roles: [roleId] },
  };
  for (const [name, granted] of Object.entries(cases)) {
    const { token } = await tokens.issue(granted);
    const call = async () => {
      const by = await tokens.check(token, "127.0.0.1");
      requirePermission(by, MAY_INVOKE, functionIds[7]);
    };
    for (let n = 0; n < CALLS / 10; n++) await call();
    const before = process.cpuUsage();
    for (let n = 0; n < CALLS; n++) await call();
    const { user, system } = process.cpuUsage(before);
    console.log(`${((user + system) / CALLS).toFixed(2)} us a call: ${name}`);
  }
}
await Deno.remove(directory, { recursive: true });
