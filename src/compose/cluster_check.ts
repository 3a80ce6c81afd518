/** What `invoked doctor --cluster` finds out about the parts that a node shares with others. It changes nothing. */
import { speaks } from "../cluster/link/protocol.ts";
import { Nats } from "../cluster/nats/connection.ts";
import { assertJetStream } from "../cluster/objects/account.ts";
import type { Config } from "../config/mod.ts";
import { clockOffsetInWords, isClockWrong } from "../domain/ownership/clocks.ts";
import { hasExpired, isDue } from "../shared/certificates.ts";
import { VERSION } from "../shared/installation.ts";
import { type KnownNode, knownNodes } from "../store/postgres/known_nodes.ts";
import { certificatesOfServer, type CertificateUse } from "./certificates.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** A part of the cluster, with what is wrong with it. */
export interface CheckedPart {
  /** Such as `NATS at tls://nats:4222`. */
  readonly name: string;
  readonly verdict: "fine" | "degraded" | "broken";
  /** What was found, or what is wrong and the next step; one line. */
  readonly detail: string;
}

/** Tests NATS, the certificates of NATS, of PostgreSQL and in configured files, and the API nodes of the database. */
export async function checkCluster(config: Config): Promise<readonly CheckedPart[]> {
  const checks = [
    checkNats(config),
    ...certificatesOfServer(config).map(checkCertificate),
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

async function checkCertificate({ name, read }: CertificateUse): Promise<CheckedPart[]> {
  try {
    const life = await read();
    if (life === undefined) return [{ name, verdict: "broken", detail: "no certificate in PEM" }];
    const date = new Date(life.endsAtMs).toISOString().slice(0, 10);
    if (hasExpired(life)) {
      return [{ name, verdict: "broken", detail: `expired on ${date}; renew it` }];
    }
    const days = Math.floor((life.endsAtMs - Date.now()) / DAY_MS);
    return isDue(life)
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
    return (await knownNodes({ database: { ...database, url } })).map(checkNode);
  } catch (error) {
    return [{ name: url.label, verdict: "broken", detail: messageOf(error) }];
  }
}

function checkNode({ id, version, protocol, clockOffsetMs, lostAt }: KnownNode): CheckedPart {
  const name = `API node ${id}`;
  if (lostAt !== null) {
    const detail =
      `version ${version} lost its lease at ${lostAt} without leaving: it crashed, hangs, or does not ` +
      "reach PostgreSQL; restart it, unless another node has replaced it";
    return { name, verdict: "degraded", detail };
  }
  const own = `this version is ${VERSION}`;
  if (!speaks(protocol)) {
    const detail = `version ${version} speaks protocol ${protocol}, and ${own}; ` +
      "upgrade one release after another";
    return { name, verdict: "broken", detail };
  }
  if (isClockWrong(clockOffsetMs)) {
    const detail = `its clock is ${clockOffsetInWords(clockOffsetMs)}; synchronize both with NTP`;
    return { name, verdict: "degraded", detail };
  }
  return version === VERSION
    ? { name, verdict: "fine", detail: `version ${version}` }
    : { name, verdict: "degraded", detail: `version ${version}, and ${own}; upgrade the older` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
