/** The certificates that a server or a worker depends on: for `invoked doctor --cluster` and for metrics. */
import type { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import type { Config } from "../config/mod.ts";
import {
  type CertificateLife,
  certificatesIn,
  firstToEnd,
  isSignedBy,
  lastToEnd,
  lifeOf,
} from "../shared/certificates.ts";
import { type Peer, peerCertificate } from "./peer_certificate.ts";
import { selfSignedCaFile, type Tls } from "./tls.ts";

const DEFAULT_NATS_PORT = 4222;

/** What a certificate is for; a label of metrics. */
type CertificateKind =
  | "server"
  | "server_ca"
  | "nats"
  | "nats_ca"
  | "database"
  | "database_ca"
  | "database_client"
  | "otlp_ca"
  | "oidc_ca"
  | "egress_ca";

/** Of the certificates that the settings of a shared configuration file name, a worker uses these. */
const OF_WORKERS: readonly CertificateKind[] = ["nats", "nats_ca", "otlp_ca", "egress_ca"];

/** One certificate, or several that are needed together. */
export interface CertificateUse {
  readonly kind: CertificateKind;
  /** For people: where the certificate is. */
  readonly name: string;
  /** Whether another server presents the certificate, which costs a connection. */
  readonly isPeer: boolean;
  /**
   * When the certificate ends, or the first of a chain; undefined for a file without a certificate. A file of CAs may be
   * a bundle of many, or have the earlier CA while a CA is replaced. Of the CAs of NATS and PostgreSQL, those count that
   * signed what the servers present. Of other files, and without such a CA, the last CA to end counts.
   * @throws if the certificate cannot be read
   */
  read(): Promise<CertificateLife | undefined>;
}

/** Of a server that runs. */
type Served = Pick<Tls["certificate"], "identity">;

/**
 * The certificates of an API node, with all that its settings name. A server of NATS shows its clients neither the
 * certificate of its routes nor that of its other listeners, so nobody watches those.
 * @param served what a running server presents
 */
export function certificatesOfServer(
  config: Config,
  served?: Served,
): readonly CertificateUse[] {
  const { nats, database, server, tls, telemetry, oidc, egress } = config;
  const ownCaFile = tls.selfSigned ? madeCa(server.dataDir) : undefined;
  const { sslRootCert, sslCert } = database.url?.fields ?? {};
  const peers = peersOf(config).map((peer) => new PresentedCertificate(peer));
  const of = (protocol: Peer["protocol"]) => peers.filter(({ peer }) => peer.protocol === protocol);
  return [
    ...peers.map(peerUse),
    ...served === undefined ? fileUse("server", "--tls-cert", tls.certFile) : [servedUse(served)],
    ...fileUse("server_ca", "--tls-self-signed", ownCaFile),
    ...fileUse("nats_ca", "--nats-ca", nats.caFile, of("nats")),
    ...fileUse("database_ca", "sslrootcert of --database", sslRootCert, of("postgres")),
    ...fileUse("database_client", "sslcert of --database", sslCert),
    ...fileUse("otlp_ca", "--otlp-ca", telemetry.otlpCaFile),
    ...fileUse("oidc_ca", "--oidc-ca", oidc.caFile),
    ...fileUse("egress_ca", "--egress-ca", egress.caFile),
  ];
}

/** The CA of `--tls-self-signed`; undefined before the first start, which makes the CA. */
function madeCa(dataDir: string): string | undefined {
  const file = selfSignedCaFile(dataDir);
  return existsSync(file) ? file : undefined;
}

/** The certificates of a worker. */
export function certificatesOfWorker(config: Config): readonly CertificateUse[] {
  return certificatesOfServer(config).filter(({ kind }) => OF_WORKERS.includes(kind));
}

/** The servers that present a certificate to this process. */
function peersOf({ nats, database }: Config): readonly Peer[] {
  const fields = database.url?.fields;
  const servers = fields === undefined || fields.sslMode === "disable" ? [] : fields.servers;
  return [
    ...(nats.urls ?? []).filter((url) => url.startsWith("tls:")).map(natsPeer),
    ...servers.filter(({ host }) => !host.startsWith("/"))
      .map(({ host, port }) => ({ protocol: "postgres" as const, host, port })),
  ];
}

function natsPeer(url: string): Peer {
  const { hostname, port } = new URL(url.replace(/^tls:/, "http:"));
  const host = hostname.replace(/^\[|\]$/g, "");
  // 80 is the port that the parser leaves out.
  const own = /:80$/.test(url) ? 80 : DEFAULT_NATS_PORT;
  return { protocol: "nats", host, port: port === "" ? own : Number(port) };
}

/** What a server presents, and presented last. */
class PresentedCertificate {
  #last: X509Certificate | undefined;

  constructor(readonly peer: Peer) {}

  /** @throws Error if the server does not answer, or offers no TLS */
  async read(): Promise<X509Certificate> {
    return this.#last = await peerCertificate(this.peer);
  }

  /** What the server presented last, without a connection if it has presented one; undefined without an answer. */
  async last(): Promise<X509Certificate | undefined> {
    return this.#last ?? await this.read().catch(() => undefined);
  }
}

function peerUse(presented: PresentedCertificate): CertificateUse {
  const { protocol, host, port } = presented.peer;
  const [kind, label] = protocol === "nats"
    ? ["nats", "NATS"] as const
    : ["database", "PostgreSQL"] as const;
  return {
    kind,
    name: `certificate of ${label} at ${host}:${port}`,
    isPeer: true,
    read: async () => lifeOf(await presented.read()),
  };
}

/** What this server presents. A chain is of use as long as all of its certificates are valid. */
function servedUse(served: Served): CertificateUse {
  return {
    kind: "server",
    name: "certificate of this server",
    isPeer: false,
    read: () => Promise.resolve(firstToEnd(certificatesIn(served.identity.cert).map(lifeOf))),
  };
}

/**
 * The certificates in the file of a setting; empty if the setting names no file.
 * @param peers the servers whose certificates the CAs of the file verify
 */
function fileUse(
  kind: CertificateKind,
  flag: string,
  file: string | undefined,
  peers: readonly PresentedCertificate[] = [],
): readonly CertificateUse[] {
  if (file === undefined) return [];
  return [{
    kind,
    name: `certificates in ${file} (${flag})`,
    isPeer: false,
    read: async () => {
      const certificates = certificatesIn(await Deno.readTextFile(file));
      if (!kind.endsWith("_ca")) return firstToEnd(certificates.map(lifeOf));
      const presented = await Promise.all(peers.map((peer) => peer.last()));
      const used = presented.flatMap((certificate) => {
        if (certificate === undefined) return [];
        const signers = certificates.filter((authority) => isSignedBy(certificate, authority));
        return lastToEnd(signers.map(lifeOf)) ?? [];
      });
      return firstToEnd(used) ?? lastToEnd(certificates.map(lifeOf));
    },
  }];
}
