import type { Alerts } from "../domain/alerts/alerts.ts";
import type { Audit } from "../domain/audit/audit.ts";
import type { AuditExports } from "../domain/audit/exports.ts";
import type { AuditLog } from "../domain/audit/log.ts";
import type { AuditVerification } from "../domain/audit/verify.ts";
import type { LiveChanges } from "../domain/changes/live_changes.ts";
import type { Commits } from "../domain/commits/commits.ts";
import type { CommitTypes } from "../domain/commits/package_types.ts";
import type { Tags } from "../domain/commits/tags.ts";
import type { Functions } from "../domain/functions/functions.ts";
import type { Publishes } from "../domain/functions/publishes.ts";
import type { Statistics } from "../domain/functions/statistics.ts";
import type { Usage } from "../domain/functions/usage.ts";
import type {
  AccessTokens,
  Bindings,
  Clients,
  DeviceFlow,
  DpopProofs,
  FederationProviders,
  FederationTrusts,
  FunctionPrincipals,
  PrincipalCredentials,
  Roles,
  ServicePrincipals,
  SigningKeys,
  TokenEndpoint,
} from "../domain/identity/mod.ts";
import type { Bulk } from "../domain/invocations/bulk.ts";
import type { CircuitBreaker } from "../domain/invocations/circuit_breaker.ts";
import type { DeadLetters } from "../domain/invocations/dead_letters.ts";
import type { Invocations } from "../domain/invocations/invocations.ts";
import type { InvocationLogs } from "../domain/invocations/logs.ts";
import type { Replays } from "../domain/invocations/replays.ts";
import type { InvocationSearches } from "../domain/invocations/searches.ts";
import type { Node } from "../domain/ownership/contract.ts";
import type { ExpiredData } from "../domain/purges/expired.ts";
import type { Purges } from "../domain/purges/purges.ts";
import type { People } from "../domain/identity/people.ts";
import type { OwnerLinks } from "../domain/sessions/owner_links.ts";
import type { ProviderSignIn } from "../domain/sessions/provider_sign_in.ts";
import type { SessionLinks } from "../domain/sessions/session_links.ts";
import type { ConsoleSessions, SignInMethods } from "../domain/sessions/sessions.ts";
import type { TenantCalls } from "../domain/tenants/calls.ts";
import type { Tenants } from "../domain/tenants/tenants.ts";
import type { Tests } from "../domain/testing/tests.ts";
import type { Endpoints } from "../domain/triggers/endpoints.ts";
import type { Handshakes } from "../domain/triggers/handshakes.ts";
import type { Schedules } from "../domain/triggers/schedules.ts";
import type { Triggers } from "../domain/triggers/triggers.ts";
import type { WebhookUrls } from "../domain/triggers/webhook_urls.ts";
import type { VolumeArchives } from "../domain/volumes/archive.ts";
import type { VolumeFiles } from "../domain/volumes/files.ts";
import type { Volumes } from "../domain/volumes/volumes.ts";
import type {
  ApiRateLimit,
  DeviceGuessLimit,
  FederationTestLimit,
  TokenRateLimit,
  WebhookRateLimit,
} from "./rate_limit.ts";
import type { Readiness, ServerStatus } from "./server/readiness.ts";

/** An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0). */
export type OpenApiDocument = { readonly openapi: string };

/** Metrics in the format of Prometheus. */
interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** Every service of the API by its name. Each handler names those that it uses. */
export interface Services {
  /** Runs what answers one request, so that its reads share one look at what other nodes have changed. */
  readonly reading: <T>(work: () => Promise<T>) => Promise<T>;
  readonly accessTokens: AccessTokens;
  readonly alerts: Alerts;
  readonly audit: Audit;
  readonly auditExports: AuditExports;
  readonly auditLog: AuditLog;
  readonly auditVerification: AuditVerification;
  readonly bindings: Bindings;
  readonly bulk: Bulk;
  readonly circuitBreaker: CircuitBreaker;
  readonly clients: Clients;
  readonly commitTypes: CommitTypes;
  readonly commits: Commits;
  readonly consoleSessions: ConsoleSessions;
  readonly deadLetters: DeadLetters;
  readonly dpopProofs: DpopProofs;
  readonly deviceFlow: DeviceFlow;
  readonly endpoints: Endpoints;
  readonly expiredData: ExpiredData;
  readonly federationProviders: FederationProviders;
  readonly federationTrusts: FederationTrusts;
  readonly functionPrincipals: FunctionPrincipals;
  readonly functions: Functions;
  readonly handshakes: Handshakes;
  readonly invocations: Invocations;
  readonly liveChanges: LiveChanges;
  readonly logs: InvocationLogs;
  readonly principalCredentials: PrincipalCredentials;
  readonly ownerLinks: OwnerLinks;
  readonly pause: Node["pause"];
  readonly people: People;
  readonly providerSignIn: ProviderSignIn;
  readonly publishes: Publishes;
  readonly purges: Purges;
  readonly replays: Replays;
  readonly roles: Roles;
  readonly sessionLinks: SessionLinks;
  readonly schedules: Schedules;
  readonly searches: InvocationSearches;
  readonly signingKeys: SigningKeys;
  readonly servicePrincipals: ServicePrincipals;
  readonly statistics: Statistics;
  readonly tags: Tags;
  readonly tenants: Tenants;
  readonly tenantCalls: TenantCalls;
  readonly tests: Tests;
  readonly tokenEndpoint: TokenEndpoint;
  readonly triggers: Triggers;
  readonly usage: Usage;
  readonly volumeArchives: VolumeArchives;
  readonly volumeFiles: VolumeFiles;
  readonly volumes: Volumes;
  readonly webhookUrls: WebhookUrls;
  readonly apiRateLimit: ApiRateLimit;
  /** The URL that clients know the server by, without a path: the `iss` of access tokens. */
  readonly issuer: string;
  readonly deviceGuesses: DeviceGuessLimit;
  readonly federationTests: FederationTestLimit;
  /** Host name of the server without a port. */
  readonly hostName: string;
  /** Largest file of a commit that may be uploaded, in bytes. */
  readonly maxFileBytes: number;
  /** Largest body of a delivery to a webhook, in bytes. */
  readonly maxWebhookBytes: number;
  /** The OpenAPI document of all operations, made for the first reader. */
  readonly openApiDocument: () => OpenApiDocument;
  /** The page of metrics; undefined for a server that does not serve metrics. */
  readonly metricsPage: (() => Promise<MetricsPage>) | undefined;
  readonly readiness: Readiness;
  readonly serverStatus: ServerStatus;
  /** How browsers sign in, for the page that offers the ways. */
  readonly signInMethods: SignInMethods;
  readonly tokenRateLimit: TokenRateLimit;
  /** Where a trace is shown; undefined for a server that knows no viewer of traces. */
  readonly traceUrl: (traceId: string) => string | undefined;
  readonly webhookRateLimit: WebhookRateLimit;
}
