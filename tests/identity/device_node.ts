/** Devices, links and sessions as a node has them, within requests to its operations. */
import { OPERATIONS } from "../../src/api/mod.ts";
import { permissionCatalog } from "../../src/api/permissions.ts";
import { Audit } from "../../src/domain/audit/audit.ts";
import { Ids } from "../../src/domain/ids.ts";
import {
  DeviceCodeGrant,
  DeviceFlow,
  LiveClients,
  newServicePrincipal,
  OWNER,
  type Principal,
  ServicePrincipals,
  TokenTargets,
} from "../../src/domain/identity/mod.ts";
import { Pages } from "../../src/domain/paging.ts";
import { SessionLinks } from "../../src/domain/sessions/session_links.ts";
import { ConsoleSessions } from "../../src/domain/sessions/sessions.ts";
import type { Store } from "../../src/store/mod.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";

const HOUR_MS = 3_600_000;
const ids = new Ids();
const pages = new Pages(new Uint8Array(32));
const liveClients = new LiveClients(permissionCatalog(OPERATIONS), Infinity);

/** A node with a store; nodes may share the database. */
export class DeviceNode implements AsyncDisposable {
  readonly flow: DeviceFlow;
  readonly principals: ServicePrincipals;
  readonly links: SessionLinks;
  readonly sessions: ConsoleSessions;
  readonly #audit: Audit;
  readonly #grant: DeviceCodeGrant;

  constructor(readonly store: Store) {
    const audit = this.#audit = new Audit(store, ids, NO_TELEMETRY);
    const url = "http://127.0.0.1";
    const parts = { store, liveClients, audit, ids, pages, url, host: "127.0.0.1" };
    this.#grant = new DeviceCodeGrant(parts);
    this.principals = new ServicePrincipals(parts);
    this.flow = new DeviceFlow({
      ...parts,
      targets: new TokenTargets(() => false, []),
      userCodeKey: new Uint8Array(32),
    });
    const limits = { linkLifetimeMs: HOUR_MS, lifetimeMs: HOUR_MS, isProviderOnly: false };
    this.links = new SessionLinks({ ...parts, limits });
    this.sessions = new ConsoleSessions({ ...parts, confirmations: undefined, limits });
  }

  /** A request to an operation of the node. */
  request<T>(work: (node: this) => Promise<T>): Promise<T> {
    const request = {
      mode: "own",
      operation: "test",
      activity: "update",
      actor: undefined,
    } as const;
    return this.#audit.within({ ...request, resources: [], source: {} }, () => work(this));
  }

  /** The client of an approved device code. */
  async redeem(clientId: string, deviceCode: string, address: string | undefined) {
    const form = new URLSearchParams({ client_id: clientId, device_code: deviceCode });
    return (await this.#grant.authenticate(form, address)).client;
  }

  /** A new owner, as its client acts. */
  async newOwner(displayName: string): Promise<Principal> {
    const { store } = this;
    const made = await newServicePrincipal(ids, {
      displayName,
      roles: [OWNER.id],
      host: "127.0.0.1",
    });
    await store.write((tx) => made.insert(tx));
    const row = await store.read.identity.client(made.clientId);
    const { principal } = liveClients.of(row) ?? {};
    if (principal === undefined) throw new Error(`The client of ${displayName} is not live`);
    return principal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#audit[Symbol.asyncDispose]();
  }
}
