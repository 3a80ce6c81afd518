/** What the services of the domain are built from. */
import { OPERATIONS } from "../api/mod.ts";
import { permissionCatalog } from "../api/permissions.ts";
import type { Builder } from "../builder/mod.ts";
import type { Config } from "../config/mod.ts";
import { Audit } from "../domain/audit/audit.ts";
import type { ChangeRelay } from "../domain/changes/live_changes.ts";
import { LoadReports } from "../domain/commits/load_reports.ts";
import { DestinationSettings } from "../domain/functions/destinations.ts";
import { Provisioning } from "../domain/functions/provisioning.ts";
import { Secrets } from "../domain/functions/secrets.ts";
import { LiveClients } from "../domain/identity/mod.ts";
import type { Ids } from "../domain/ids.ts";
import { HostMethods } from "../domain/invocations/host_methods.ts";
import { Traces } from "../domain/invocations/trace.ts";
import { FunctionLimits } from "../domain/limits.ts";
import type { Ownership } from "../domain/ownership/contract.ts";
import { Pages } from "../domain/paging.ts";
import { Scheduler } from "../domain/scheduling/scheduler.ts";
import { KeySets } from "../domain/key_sets.ts";
import { TriggerSecrets } from "../domain/triggers/secrets.ts";
import type { Snapshots } from "../domain/volumes/snapshots.ts";
import type { Engine } from "../engine/contract.ts";
import type { LoadReporter } from "../engine/load_reporter.ts";
import type { InvocationNotifier } from "../engine/notifier.ts";
import type { PublicGet, PublicPost } from "../sandbox/mod.ts";
import type { Store } from "../store/mod.ts";
import type { Sealer } from "../store/sealing.ts";
import type { Telemetry } from "../telemetry/contract.ts";
import type { TenantEgress } from "../tenants/connections.ts";
import type { TenantTransport } from "../tenants/contract.ts";

/** What a local server does with the calls of functions to their tenants. */
export interface TenantCallsChange {
  /** Makes the transport that functions use of the transport to their tenant. */
  readonly transportOf: (transport: TenantTransport) => TenantTransport;
  /** Whether the tests of commits use that transport, too: otherwise their recordings alone answer them. */
  readonly answersTests: boolean;
  /** Certificates in PEM that connections to tenants trust in addition to `--egress-ca`; requests of `fetch` do not. */
  readonly caCerts: readonly string[];
}

/** What the domain is built from. */
export interface DomainParts {
  readonly config: Config;
  readonly store: Store;
  readonly sealer: Sealer;
  readonly builder: Builder;
  readonly engine: Engine;
  /** Compiles a script ahead of its first invocation. Never rejects. */
  readonly compile: (scriptDigest: string) => Promise<void>;
  readonly loadReporter: LoadReporter;
  readonly notifier: InvocationNotifier;
  readonly telemetry: Telemetry;
  readonly ids: Ids;
  readonly ownership: Ownership;
  /** Reaches the other nodes; undefined without other nodes. */
  readonly peers?: ChangeRelay | undefined;
  readonly snapshots: Snapshots;
  /** Sends requests under the rules of a function's egress. */
  readonly publicPost: PublicPost;
  /** Reads key sets of senders of webhooks. */
  readonly publicGet: PublicGet;
  /** What the operator allows to calls of C1 tenants. */
  readonly tenantEgress: TenantEgress;
  /** Base URL of the server. */
  readonly url: string;
  /** Names this node among others, and is the same after a restart; empty for an only node. */
  readonly nodeName: string;
  /** Aborts when the server stops. */
  readonly shutdown: AbortSignal;
  readonly changeTenantCalls: TenantCallsChange | undefined;
}

/** The parts of the domain, and what several of its services work with. */
export type Shared = ReturnType<typeof shareParts>;

/** Adds what several services work with to the parts of the domain. */
export function shareParts(parts: DomainParts, pages: Pages) {
  const { config, store, sealer, engine, ids, ownership } = parts;
  const { node } = ownership;
  const functionLimits = new FunctionLimits({
    ...config.invocations,
    retentionMs: config.retention.ageMs,
  });
  return {
    ...parts,
    audit: new Audit(store, ids, parts.telemetry),
    functionLimits,
    pages,
    secrets: new Secrets(store, sealer),
    triggerSecrets: new TriggerSecrets(sealer),
    destinations: new DestinationSettings(store, sealer),
    scheduler: new Scheduler(ownership, () => engine.isOpen),
    hostMethods: new HostMethods(),
    liveClients: new LiveClients(permissionCatalog(OPERATIONS), config.oidc.groupsLifetimeMs),
    keySets: new KeySets(parts.publicGet),
    traces: new Traces(config.telemetry.traceSample),
    provisioning: new Provisioning(store, engine, functionLimits, node),
    loadReports: new LoadReports(store, parts.loadReporter, node),
  };
}
