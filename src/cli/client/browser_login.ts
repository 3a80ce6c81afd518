/** A new client of the person who approves this command line in a browser, at a server of invoked or a C1 tenant. */
import { Secret } from "../../config/secret.ts";
import { readTextFile } from "../../shared/files.ts";
import { describeError, Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { note } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { ClientApi } from "./clients.ts";
import { type Credentials, credentialsOf } from "./credentials.ts";
import { type Approval, type DeviceClient, signInDevice } from "./device_login.ts";
import { connectTo, Unreachable } from "./http.ts";
import { Session } from "./session.ts";

/** Where to sign in. */
export interface LoginTarget {
  readonly serverUrl: string;
  /** Certificates in PEM, in addition to the certificates of the system. */
  readonly caCerts: readonly string[];
  /** Whether it is a C1 tenant. */
  readonly isTenant?: boolean | undefined;
}

/** The client to make. */
interface WantedClient {
  readonly device: DeviceClient;
  readonly roles: readonly string[];
  /** Undefined for a client that does not expire. */
  readonly lifetimeMs?: number | undefined;
  readonly opensBrowser: boolean;
}

/** A client of a person. */
export interface PersonalClient {
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly personalClientId: string;
}

/** Shows a person where to approve this command line, waits for it, and makes the client. @throws {Failure} */
export async function personalClientOf(
  target: LoginTarget,
  { device, roles, lifetimeMs, opensBrowser }: WantedClient,
): Promise<PersonalClient> {
  const { serverUrl, caCerts, isTenant = false } = target;
  const transport = withCa(() => connectTo(serverUrl, caCerts, isTenant));
  using _ = { [Symbol.dispose]: () => transport.client.close() };
  const accessToken = await trusting(() =>
    signInDevice(
      transport,
      device,
      roles,
      (approval) => showApproval(approval, opensBrowser),
      (wait) => withProgress("Waiting for the approval in the browser", wait),
    )
  );
  const { client, clientSecret } = await withSession(
    target,
    { kind: "token", accessToken },
    (session) => new ClientApi(session).create(clientName(), roles, lifetimeMs),
  );
  return {
    clientId: client.clientId,
    clientSecret: new Secret(clientSecret),
    personalClientId: client.id,
  };
}

/** Deletes a client, with its own credentials. */
export async function deletePersonalClient(
  target: LoginTarget,
  { personalClientId, ...client }: PersonalClient,
): Promise<void> {
  await withSession(
    target,
    credentialsOf({ ...target, ...client }),
    (session) => new ClientApi(session).deleteOwn(personalClientId),
  );
}

function showApproval({ url, userCode }: Approval, opens: boolean): void {
  note(
    `Approve this login in a browser:\n\n  ${url}\n\nThe browser must show the code ${userCode}\n`,
  );
  if (opens) openBrowser(url);
}

/** The name of the new client, which is another one on each machine. */
function clientName(): string {
  return `invoked login on ${oneLine(Deno.hostname())}`;
}

const CA_HINT = "name a file with the certificate of the authority in PEM, or omit --ca";

/** The certificates of `--ca`; none without it. @throws {Failure} */
export async function certificatesOf(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  const text = await readTextFile(path).catch((error) => {
    throw new UsageFailure(`Failed to read the certificates in ${path}: ${describeError(error)}`, {
      next: CA_HINT,
    });
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return [text];
  throw new UsageFailure(`Invalid --ca: ${path} has no certificate in PEM`, { next: CA_HINT });
}

/** Works in a session of these credentials. @throws {Failure} */
export async function withSession<T>(
  { serverUrl, caCerts, isTenant }: LoginTarget,
  credentials: Credentials,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const target = { serverUrl, credentials, caCerts, isTenant, source: "the login" };
  using session = withCa(() => new Session(target));
  return await trusting(() => work(session));
}

/** @throws {Failure} as the work does; for a certificate that is not trusted, with the way to trust it */
async function trusting<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unreachable && /certificate|UnknownIssuer/i.test(error.message)) {
      throw new Failure(error.message, {
        next: "give the certificate of its authority with --ca FILE",
        exit: "server",
      });
    }
    throw error;
  }
}

/** @throws {Failure} for an invalid certificate */
function withCa<T>(connect: () => T): T {
  try {
    return connect();
  } catch (error) {
    throw new UsageFailure(`Invalid --ca: ${describeError(error)}`, { next: CA_HINT });
  }
}

/** The programs that open an address in the browser, by operating system. */
const OPENERS: Readonly<Record<string, string>> = { linux: "xdg-open", darwin: "open" };

/**
 * Opens an address in the browser, if somebody is at the terminal. Without a browser nothing happens: the caller prints
 * the address, too.
 * @param url of the scheme http or https
 */
function openBrowser(url: string): void {
  const opener = OPENERS[Deno.build.os];
  if (opener === undefined || !Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return;
  try {
    const command = new Deno.Command(opener, {
      args: [url],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    command.spawn().unref();
  } catch (error) {
    // No such program, or one that may not run.
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
  }
}
