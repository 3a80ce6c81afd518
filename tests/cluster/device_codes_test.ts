/** The device flow on two nodes with one database: a sign-in is decided once, and its code is redeemed once. */
import assert from "node:assert/strict";
import { OPERATIONS } from "../../src/api/mod.ts";
import { permissionCatalog } from "../../src/api/permissions.ts";
import { Audit } from "../../src/domain/audit/audit.ts";
import { Ids } from "../../src/domain/ids.ts";
import {
  DeviceFlow,
  DeviceRedemption,
  LiveClients,
  newServicePrincipal,
  OWNER,
  type Principal,
  TokenTargets,
} from "../../src/domain/identity/mod.ts";
import { INVOKED_DEVICE_CLIENT as clientId } from "../../src/resources/device_clients.ts";
import type { Store } from "../../src/store/mod.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";

const ROUNDS = 20;
const ids = new Ids();
const liveClients = new LiveClients(permissionCatalog(OPERATIONS), Infinity);

/** The flow as a node has it, within requests to its operations. */
class Node implements AsyncDisposable {
  readonly #flow: DeviceFlow;
  readonly #redemption: DeviceRedemption;
  readonly #audit: Audit;

  constructor(readonly store: Store) {
    this.#audit = new Audit(store, ids, NO_TELEMETRY);
    const parts = { store, liveClients, audit: this.#audit };
    this.#redemption = new DeviceRedemption({ ...parts, ids, host: "127.0.0.1" });
    this.#flow = new DeviceFlow({
      ...parts,
      url: "http://127.0.0.1",
      targets: new TokenTargets(() => false, []),
      userCodeKey: new Uint8Array(32),
    });
  }

  request<T>(work: (flow: DeviceFlow, redemption: DeviceRedemption) => Promise<T>): Promise<T> {
    const request = {
      mode: "own",
      operation: "test",
      activity: "update",
      actor: undefined,
    } as const;
    return this.#audit.within(
      { ...request, resources: [], source: {} },
      () => work(this.#flow, this.#redemption),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#audit[Symbol.asyncDispose]();
  }
}

async function newPrincipal(store: Store): Promise<Principal> {
  const made = await newServicePrincipal(ids, {
    displayName: "person",
    roles: [OWNER.id],
    host: "127.0.0.1",
  });
  await store.write((tx) => made.insert(tx));
  const row = await store.read.identity.client(made.clientId);
  return liveClients.of(row)?.principal ?? assert.fail("the client is not live");
}

function fulfilled(results: readonly PromiseSettledResult<unknown>[]): number {
  return results.filter(({ status }) => status === "fulfilled").length;
}

Deno.test("two nodes decide and redeem a device code once", async () => {
  await using postgres = await TestPostgres.start();
  await using opened = new AsyncDisposableStack();
  const url = await postgres.database();
  const open = async () => {
    const directory = opened.use(await makeTempDir());
    return opened.use(new Node(opened.use(await openPostgresStore(directory.path, url, false))));
  };
  const [first, second] = [await open(), await open()];
  const by = await newPrincipal(first.store);
  for (let n = 0; n < ROUNDS; n++) {
    const sender = String(n);
    const { userCode, deviceCode } = await first.request((flow) =>
      flow.begin({ clientId, scope: "", resources: [], address: "", sender })
    );
    const decided = await Promise.allSettled([
      first.request((flow) => flow.approve(by, userCode)),
      second.request((flow) => n % 2 === 0 ? flow.approve(by, userCode) : flow.deny(by, userCode)),
    ]);
    assert.equal(fulfilled(decided), 1, "one decision counts");
    const isDenied = n % 2 === 1 && decided[1].status === "fulfilled";
    const redeemed = await Promise.allSettled(
      [first, second, first, second].map((node) =>
        node.request((_, redemption) => redemption.redeem(clientId, deviceCode, "127.0.0.1"))
      ),
    );
    assert.equal(fulfilled(redeemed), isDenied ? 0 : 1, "a code is redeemed once");
  }
});
