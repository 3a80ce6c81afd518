/** Requests from within a network namespace: run as a program there, a function here. */
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type DetailedPeerCertificate } from "node:tls";
import { fileURLToPath } from "node:url";

const TIMEOUT_MS = 10_000;
/** PostgreSQL's request for TLS: eight bytes, with this code. */
const SSL_REQUEST = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/** The status of a GET; undefined without an answer. @param network path of a namespace */
export async function fetchStatus(network: string, url: string): Promise<number | undefined> {
  const status = Number((await runIn(network, "status", url)) || NaN);
  return Number.isNaN(status) ? undefined : status;
}

/** The text that a GET returns. */
export async function fetchText(network: string, url: string): Promise<string> {
  return await runIn(network, "text", url);
}

/** The names in the certificate that a server presents after its greeting in plain text; empty without an answer. */
export async function certificateNames(
  network: string,
  protocol: "nats" | "postgres",
  host: string,
  port: number,
): Promise<string> {
  return await runIn(network, protocol, host, String(port));
}

async function runIn(network: string, ...args: readonly string[]): Promise<string> {
  const self = fileURLToPath(import.meta.url);
  const run = ["run", "--quiet", "--no-config", "--no-check", "--allow-net", self, ...args];
  const { stdout } = await new Deno.Command("nsenter", {
    args: [`--net=${network}`, Deno.execPath(), ...run],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

/** The certificate of a server that speaks plain text before TLS. */
async function namesAt(protocol: string, host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTcp({ host, port, timeout: TIMEOUT_MS });
  socket.once("error", reject);
  socket.once("connect", () => {
    if (protocol === "postgres") socket.write(new Uint8Array(SSL_REQUEST));
  });
  // NATS greets with a line of INFO, and PostgreSQL answers the request with one letter.
  socket.once("data", () => {
    const secured = connectTls({ socket, rejectUnauthorized: false }, () => {
      const { subjectaltname } = secured.getPeerCertificate() as DetailedPeerCertificate;
      resolve(subjectaltname ?? "");
    });
    secured.once("error", reject);
  });
  return await promise;
}

if (import.meta.main) {
  const [action = "", target = "", port = ""] = Deno.args;
  setTimeout(() => Deno.exit(1), TIMEOUT_MS);
  if (action === "status" || action === "text") {
    const response = await fetch(target).catch(() => undefined);
    const text = await response?.text();
    if (response !== undefined) console.log(action === "text" ? text : response.status);
  } else console.log(await namesAt(action, target, Number(port)).catch(() => ""));
  Deno.exit(0);
}
