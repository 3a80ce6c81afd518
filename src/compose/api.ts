import { hostMethods } from "../api/host_calls.ts";
import { OPERATIONS } from "../api/mod.ts";
import {
  apiRateLimit,
  DeviceGuessLimit,
  FederationTestLimit,
  TokenRateLimit,
  WebhookRateLimit,
} from "../api/rate_limit.ts";
import { tenantMethod } from "../api/tenant_calls.ts";
import type { Readiness } from "../api/server/readiness.ts";
import type { OpenApiDocument, Services } from "../api/services.ts";
import { type Config, urlOfTrace } from "../config/mod.ts";
import { ownHosts } from "../domain/triggers/addresses.ts";
import type { Domain } from "./domain.ts";
import type { Node } from "../domain/ownership/contract.ts";
import type { Engine } from "../engine/contract.ts";
import type { Store } from "../store/mod.ts";
import type { Telemetry } from "../telemetry/contract.ts";
import type { Sandboxes } from "../sandbox/contract.ts";
import { createHandler } from "../http/app.ts";
import { BodyBudget } from "../http/body.ts";
import { EndpointRates } from "../http/endpoints/mod.ts";
import { clientAddresses, PublicOrigins } from "../http/middleware.ts";
import type { RequestHandler } from "../http/server.ts";
import { openApiDocument } from "../http/openapi.ts";
import { measureDisk } from "./disk.ts";
import type { Cluster } from "./cluster.ts";
import { readVersions } from "./versions.ts";
import { TENANT_CALL } from "../shared/timed_calls.ts";
import type { Versions } from "../shared/build.ts";
import { installed, VERSION } from "../shared/installation.ts";

/** Where `scripts/console` builds the console. */
const CONSOLE_DIR = installed("console/dist");

interface ApiParts {
  readonly domain: Domain;
  readonly store: Store;
  readonly engine: Engine;
  readonly node: Node;
  readonly sandboxes: Sandboxes;
  readonly telemetry: Telemetry;
  readonly metricsPage: Services["metricsPage"];
  /** Undefined for a server without workers. */
  readonly cluster: Cluster | undefined;
  readonly readiness: Readiness;
  /** What reads and the last verification found damaged, in words. */
  readonly damages: () => readonly string[];
  /** Base URL of the server. */
  readonly url: string;
}

/** Serves the operations of a domain: to functions at once, and over HTTP by the handler. */
export function composeApi(config: Config, parts: ApiParts): RequestHandler {
  const { domain, engine, node, sandboxes, cluster, url, telemetry, metricsPage } = parts;
  const { apiPerSecond, apiBurst, tokensPerMinute } = config.rates;
  const startedMs = performance.now();
  let document: OpenApiDocument | undefined;
  let versions: Promise<Versions> | undefined;
  const services: Services = {
    ...domain,
    reading: (work) => parts.store.reading(work),
    pause: node.pause,
    issuer: new URL(url).origin,
    hostName: new URL(url).hostname,
    maxFileBytes: config.commits.maxFileBytes,
    metricsPage,
    readiness: parts.readiness,
    serverStatus: async () => ({
      versions: await (versions ??= readVersions()),
      uptimeMs: performance.now() - startedMs,
      walls: sandboxes.walls,
      paused: node.pause.current,
      damaged: parts.damages(),
      load: engine.load,
      disk: await measureDisk(config.server.dataDir),
      workers: cluster?.workers,
      forks: await sandboxes.forks(),
    }),
    openApiDocument: () => document ??= openApiDocument(OPERATIONS, VERSION),
    apiRateLimit: apiRateLimit({ perSecond: apiPerSecond, burst: apiBurst }, node),
    deviceGuesses: new DeviceGuessLimit(node),
    federationTests: new FederationTestLimit(node),
    tokenRateLimit: new TokenRateLimit(tokensPerMinute, node),
    webhookRateLimit: new WebhookRateLimit(config.triggers.webhooksPerSecond, node),
    maxWebhookBytes: config.triggers.maxWebhookBytes,
    traceUrl: (traceId) => urlOfTrace(config.telemetry.traceUrl, traceId),
  };
  const trustedProxies = config.server.trustedProxies ?? [];
  const { domain: endpointDomain, hosts = [] } = config.endpoints;
  const hasOwnHosts = endpointDomain !== undefined || hosts.length > 0;
  domain.hostMethods.add(hostMethods(OPERATIONS, services));
  domain.hostMethods.add(new Map([[TENANT_CALL, tenantMethod(services)]]));
  return createHandler(services, {
    bodies: {
      maxBodyBytes: config.server.maxBodyBytes,
      budget: new BodyBudget(config.server.maxReceivingBytes),
    },
    hsts: config.tls.certFile !== undefined,
    corsOrigins: config.server.corsOrigins,
    clientAddress: clientAddresses(trustedProxies),
    telemetry,
    consoleDir: config.server.consoleDir ?? CONSOLE_DIR,
    endpoints: {
      ...config.endpoints,
      publicOrigin: new PublicOrigins({ url, publicUrl: config.server.publicUrl, trustedProxies }),
      ownHosts: hasOwnHosts ? ownHosts(endpointDomain, hosts) : undefined,
      signedBodyBytes: config.triggers.maxWebhookBytes,
      rates: new EndpointRates(config.endpoints.ratePerSecond, node),
    },
  });
}
