import { getLogger } from "@logtape/logtape";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createBuilder, registryOf } from "../builder/mod.ts";
import type { Config } from "../config/mod.ts";
import { deployHello, keepCredentials } from "../domain/first_start.ts";
import { Housekeeping } from "../domain/housekeeping.ts";
import { Ids } from "../domain/ids.ts";
import { Snapshots } from "../domain/volumes/snapshots.ts";
import { VolumeSweep } from "../domain/volumes/sweep.ts";
import { type Domain, openDomain } from "../domain/mod.ts";
import { LocalEngine } from "../engine/local_engine.ts";
import { createApp } from "../http/app.ts";
import { type HttpServer, listen } from "../http/server.ts";
import { selfSignedSource } from "../http/tls/self_signed.ts";
import { filesSource, keepFresh, type TlsSource } from "../http/tls/source.ts";
import { createSandboxes, type EgressOptions } from "../sandbox/mod.ts";
import { openDataDir } from "../store/data_dir.ts";
import { masterKeysOf } from "../store/master_key.ts";
import { openStore } from "../store/mod.ts";
import { Sealer } from "../store/sealing.ts";
import manifest from "../../package.json" with { type: "json" };

const logger = getLogger(["invoked", "server"]);

const EXAMPLE_DIR = fileURLToPath(new URL("../../examples/hello/", import.meta.url));
/** How long answers that are on their way may take once every invocation has ended. */
const ANSWERS_TIMEOUT_MS = 2_000;

/** A server that takes calls. */
export interface RunningServer {
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** The walls that stand around functions, in words. */
  readonly walls: string;
  readonly credentialsPath: string;
  /** The certificate of the local CA that clients must trust; undefined where there is none. */
  readonly caFile: string | undefined;
  /** The example that was deployed at the first start; undefined where it was deleted since. */
  readonly helloFunctionId: string | undefined;
  /** Takes no more calls, lets running ones finish up to the limit, then closes everything. */
  drain(): Promise<void>;
  /** Kills every sandbox at once. */
  kill(): void;
}

export interface StartOptions {
  /** Whether a store that never had a function is given one to try. */
  readonly deployExample: boolean;
}

/** Builds the whole server from its configuration and starts it; what was opened is closed again when a part fails. */
export async function startServer(
  config: Config,
  { deployExample }: StartOptions,
): Promise<RunningServer> {
  await using opened = new AsyncDisposableStack();
  const { server: { host, port, publicUrl, dataDir }, invocations, commits } = config;
  const directory = opened.use(await openDataDir(dataDir));
  const masterKey = config.identity.masterKey;
  const [key, ...olderKeys] = masterKey === undefined
    ? await masterKeysOf(directory)
    : [Buffer.from(masterKey.reveal(), "base64")];
  const sealer = new Sealer(key, ...olderKeys);
  const tls = await tlsSource(config);
  const identity = await tls?.source.load();
  const http = await listen(host, port, config.server, identity);
  opened.defer(() => closeHttp(http));
  if (tls !== undefined && identity !== undefined) {
    opened.use(keepFresh(tls.source, identity, http.renew));
  }
  const scheme = tls === undefined ? "http" : "https";
  const url = publicUrl ?? `${scheme}://${urlHost(host)}:${http.port}`;

  const sandboxes = opened.use(createSandboxes(
    { ...invocations, outputBytes: invocations.maxOutputBytes, logBytes: invocations.maxLogBytes },
    {
      ...config.sandbox,
      cacheDir: join(dataDir, "cache", "sandbox"),
      egress: await egressOptions(config),
      reuse: config.reuse,
    },
  ));
  const builder = opened.use(createBuilder(
    { ...config.builder, artifactBytes: config.builder.maxArtifactBytes },
    {
      ...config.sandbox,
      workDir: join(dataDir, "work"),
      cacheDir: join(dataDir, "cache", "builder"),
      registry: registryOf(config.builder.registryEnv),
    },
  ));
  const [sandboxesReady, builderReady] = [sandboxes.start(), builder.start()];
  for (const ready of [sandboxesReady, builderReady]) ready.catch(() => {});
  const store = opened.use(await openStore(dataDir));
  const engine = opened.use(new LocalEngine(store, sandboxes, invocations));
  const shutdown = new AbortController();
  opened.defer(() => shutdown.abort());
  const ids = new Ids();
  const snapshots = new Snapshots(store);
  const domain = await openDomain({
    store,
    sealer,
    engine,
    builder,
    ids,
    snapshots,
    limits: {
      commits,
      input: invocations,
      volumes: config.volumes,
      tests: {
        ...config.tests,
        ...invocations,
        timeoutMs: config.tests.timeoutMs,
        runTimeoutMs: invocations.timeoutMs,
      },
    },
    checkTypes: config.tests.checkTypes,
    hostName: new URL(url).hostname,
    shutdown: shutdown.signal,
  });
  opened.use(domain.typeChecks);
  // Before recovery: what is resumed may call the API.
  const app = createApp(domain, {
    maxBodyBytes: config.server.maxBodyBytes,
    maxFileBytes: commits.maxFileBytes,
    hostName: new URL(url).hostname,
    hsts: config.tls.certFile !== undefined,
    corsOrigins: config.server.corsOrigins,
    rates: config.rates,
    version: manifest.version,
    readiness: () =>
      engine.open
        ? { ready: true, load: engine.load }
        : { ready: false, reason: "the server is stopping" },
  });
  const credentialsPath = join(dataDir, "credentials.json");
  await keepCredentials(store, ids, credentialsPath, url);
  opened.use(new Housekeeping(store));
  opened.use(new VolumeSweep(store, snapshots, config.volumes));
  domain.typeChecks.soon();
  await sandboxesReady;
  await builderReady;
  await recover(domain);
  const helloFunctionId = deployExample ? await deployHello(store, domain, readExample) : undefined;

  http.serve(app);
  const parts = opened.move();
  return {
    url,
    walls: sandboxes.walls,
    credentialsPath,
    caFile: tls?.caFile,
    helloFunctionId,
    async drain() {
      await engine.drain(config.server.drainTimeoutMs);
      // Before the parts: an answer on its way may still read the store.
      await closeHttp(http);
      await parts.disposeAsync();
    },
    kill: () => void sandboxes[Symbol.asyncDispose](),
  };
}

async function egressOptions({ egress }: Config): Promise<EgressOptions> {
  const { allowPrivate = [], caFile } = egress;
  const ca = caFile === undefined ? undefined : await Deno.readTextFile(caFile);
  if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`Cannot use ${caFile} as --egress-ca: it holds no certificate in PEM`);
  }
  return { ...egress, allowPrivate, ca };
}

async function recover({ invocations }: Domain): Promise<void> {
  const { interrupted, resumed } = await invocations.recover();
  if (interrupted + resumed === 0) return;
  logger.warn(
    "{interrupted} invocations were interrupted by the last stop, {resumed} are resumed",
    {
      interrupted,
      resumed,
    },
  );
}

async function closeHttp(http: HttpServer): Promise<void> {
  const cut = setTimeout(() => http.cut(), ANSWERS_TIMEOUT_MS);
  await http.close();
  clearTimeout(cut);
}

interface Tls {
  readonly source: TlsSource;
  readonly caFile: string | undefined;
}

/** Where the certificate comes from; undefined for plain HTTP. */
async function tlsSource({ server, tls }: Config): Promise<Tls | undefined> {
  if (tls.selfSigned) {
    const hosts = [server.host, ...server.publicUrl === undefined ? [] : [server.publicUrl]]
      .map((host) => host.includes("//") ? new URL(host).hostname.replace(/^\[|\]$/g, "") : host)
      .filter((host) => host !== "0.0.0.0" && host !== "::");
    const source = await selfSignedSource(join(server.dataDir, "tls"), hosts);
    return { source, caFile: source.caFile };
  }
  const { certFile, keyFile } = tls;
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { source: filesSource(certFile, keyFile), caFile: undefined };
}

/** The host of a URL that reaches this machine. */
function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

async function readExample(): Promise<Map<string, Uint8Array>> {
  return new Map([["main.ts", await Deno.readFile(join(EXAMPLE_DIR, "main.ts"))]]);
}
