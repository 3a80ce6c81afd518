/** What `invoked doctor --cluster` finds out about the parts that a node shares with others. It changes nothing. */
import { X509Certificate } from "node:crypto";
import { speaks } from "../cluster/link/protocol.ts";
import { Nats } from "../cluster/nats/connection.ts";
import { assertJetStream } from "../cluster/objects/account.ts";
import type { Config } from "../config/mod.ts";
import { VERSION } from "../shared/installation.ts";
import { type LiveNode, liveNodes } from "../store/postgres/live_nodes.ts";
import { type Peer, peerCertificate } from "./peer_certificate.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A certificate with less left is named. */
const EXPIRY_WARNING_DAYS = 30;
const DEFAULT_NATS_PORT = 4222;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** A part of the cluster, with what is wrong with it. */
export interface CheckedPart {
  /** Such as `NATS at tls://nats:4222`. */
  readonly name: string;
  readonly verdict: "fine" | "degraded" | "broken";
  /** What was found, or what is wrong and the next step; one line. */
  readonly detail: string;
}

/** Tests NATS, the certificates of NATS, of PostgreSQL and in configured files, and the nodes of the database. */
export async function checkCluster(config: Config): Promise<readonly CheckedPart[]> {
  const checks = [
    checkNats(config),
    ...certificateSources(config).map(checkCertificates),
    checkNodes(config),
  ];
  return (await Promise.all(checks)).flat();
}

async function checkNats({ nats, database }: Config): Promise<readonly CheckedPart[]> {
  const { urls = [], credentialsFile, caFile } = nats;
  const name = `NATS at ${urls.join(", ")}`;
  try {
    await using connected = await Nats.connect({ urls, credentialsFile, caFile }, "doctor");
    const { version = "unknown", jetstream } = connected.connection.info ?? {};
    // A worker, which has no database, does not know where the API nodes store content.
    const storesContent = nats.objects.kind === "jetstream" && database.url !== undefined;
    if (storesContent) assertJetStream(connected.connection);
    const detail = `nats-server ${version} ${jetstream ? "with" : "without"} JetStream`;
    return [{ name, verdict: "fine", detail }];
  } catch (error) {
    return [{ name, verdict: "broken", detail: messageOf(error) }];
  }
}

/** Where certificates come from, and what they are called. */
interface CertificateSource {
  readonly name: string;
  readonly read: () => Promise<readonly X509Certificate[]>;
}

function certificateSources({ nats, database, tls }: Config): readonly CertificateSource[] {
  const fields = database.url?.fields;
  const peers: Peer[] = (nats.urls ?? []).filter((url) => url.startsWith("tls:")).map((url) => {
    const { hostname, port } = new URL(url.replace(/^tls:/, "http:"));
    const host = hostname.replace(/^\[|\]$/g, "");
    // 80 is the port that the parser leaves out.
    const own = /:80$/.test(url) ? 80 : DEFAULT_NATS_PORT;
    return { protocol: "nats", host, port: port === "" ? own : Number(port) };
  });
  if (fields !== undefined && fields.sslMode !== "disable") {
    for (const { host, port } of fields.servers) {
      if (!host.startsWith("/")) peers.push({ protocol: "postgres", host, port });
    }
  }
  const files = {
    "--nats-ca": nats.caFile,
    "sslrootcert of --database": fields?.sslRootCert,
    "--tls-cert": tls.certFile,
  };
  return [
    ...peers.map((peer) => ({
      name: `certificate of ${peer.protocol === "nats" ? "NATS" : "PostgreSQL"} at ` +
        `${peer.host}:${peer.port}`,
      read: async () => [await peerCertificate(peer)],
    })),
    ...Object.entries(files).flatMap(([flag, file]) =>
      file === undefined ? [] : [{
        name: `certificates in ${file} (${flag})`,
        read: async () =>
          ((await Deno.readTextFile(file)).match(PEM_CERTIFICATE) ?? [])
            .map((pem) => new X509Certificate(pem)),
      }]
    ),
  ];
}

async function checkCertificates({ name, read }: CertificateSource): Promise<CheckedPart[]> {
  try {
    const ends = (await read()).map(({ validToDate }) => validToDate.getTime());
    if (ends.length === 0) return [{ name, verdict: "broken", detail: "no certificate in PEM" }];
    const end = Math.min(...ends);
    const date = new Date(end).toISOString().slice(0, 10);
    const days = Math.floor((end - Date.now()) / DAY_MS);
    if (end < Date.now()) {
      return [{ name, verdict: "broken", detail: `expired on ${date}; renew it` }];
    }
    return days < EXPIRY_WARNING_DAYS
      ? [{ name, verdict: "degraded", detail: `expires in ${days} days, on ${date}; renew it` }]
      : [{ name, verdict: "fine", detail: `valid until ${date}` }];
  } catch (error) {
    return [{ name, verdict: "broken", detail: `not readable: ${messageOf(error)}` }];
  }
}

async function checkNodes({ database }: Config): Promise<readonly CheckedPart[]> {
  const { url } = database;
  // A worker has no database.
  if (url === undefined) return [];
  try {
    return (await liveNodes({ database: { ...database, url } })).map(checkNode);
  } catch (error) {
    return [{ name: url.label, verdict: "broken", detail: messageOf(error) }];
  }
}

function checkNode({ id, version, protocol }: LiveNode): CheckedPart {
  const name = `API node ${id}`;
  const own = `this version is ${VERSION}`;
  if (!speaks(protocol)) {
    const detail = `version ${version} speaks protocol ${protocol}, and ${own}; ` +
      "upgrade one release after another";
    return { name, verdict: "broken", detail };
  }
  return version === VERSION
    ? { name, verdict: "fine", detail: `version ${version}` }
    : { name, verdict: "degraded", detail: `version ${version}, and ${own}; upgrade the older` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
