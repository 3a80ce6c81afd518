/** Signs this command line in as a device (RFC 8628): a person approves it in a browser. */
import { z } from "zod";
import { Secret } from "../../config/secret.ts";
import { INVOKED_DEVICE_CLIENT } from "../../resources/clients.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { parseJson } from "./api_error.ts";
import { readTokenBody, request, type Transport, Unreachable } from "./http.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";
/** RFC 8628, sections 3.2 and 3.5. */
const DEFAULT_INTERVAL_S = 5;
const SLOW_DOWN_S = 5;
/** What a server may ask for, in seconds: a longer interval or lifetime would make the command wait without an end. */
const INTERVAL_MAX_S = 60;
const LIFETIME_MAX_S = 3_600;
/** How much of a rejected value an error shows. */
const SHOWN_CHARS_MAX = 100;

/** As URLs are written: without control characters, and with every other special character encoded. */
const webUrl = z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).href);

function secondsUpTo(max: number) {
  const rule = `must be a number of seconds above 0, and at most ${max}`;
  return z.number(rule).positive(rule).max(max, rule);
}

const Authorization = z.object({
  device_code: z.string().min(1),
  user_code: z.string().min(1),
  verification_uri: webUrl,
  verification_uri_complete: webUrl.optional(),
  expires_in: secondsUpTo(LIFETIME_MAX_S),
  interval: secondsUpTo(INTERVAL_MAX_S).default(DEFAULT_INTERVAL_S),
});
type Authorization = z.output<typeof Authorization>;
const Token = z.object({ access_token: z.string().min(1) });
const OAuthError = z.object({ error: z.string(), error_description: z.string().optional() });

/** A command line as a device: its public client, and what to do instead of the sign-in. */
export interface DeviceClient {
  readonly clientId: string;
  /** The command that signs in again. */
  readonly command: string;
  /** The next step at a server that signs in no devices. */
  readonly otherwise: string;
}

/** `invoked login` at a server of invoked. */
export const INVOKED_DEVICE: DeviceClient = {
  clientId: INVOKED_DEVICE_CLIENT,
  command: "invoked login",
  otherwise: "log in with the id and the secret of a client: give --client-id",
};

/** What a person needs to approve the device. */
export interface Approval {
  readonly url: string;
  readonly userCode: string;
}

/**
 * Asks for a sign-in, shows it, and waits until a person approves it.
 * @param roles names or ids of the roles that the token shall have; empty for all roles of the person
 * @returns an access token that can create a personal client
 * @throws {Failure} without an approval
 */
export async function signInDevice(
  transport: Transport,
  device: DeviceClient,
  roles: readonly string[],
  show: (approval: Approval) => void,
  waiting: (wait: () => Promise<Secret>) => Promise<Secret>,
): Promise<Secret> {
  const begun = await begin(transport, device, roles);
  const url = begun.verification_uri_complete ?? begun.verification_uri;
  show({ url, userCode: oneLine(begun.user_code) });
  return await waiting(() => poll(transport, device, begun));
}

async function begin(
  transport: Transport,
  device: DeviceClient,
  roles: readonly string[],
): Promise<Authorization> {
  const form = new URLSearchParams({ client_id: device.clientId });
  if (roles.length > 0) form.set("scope", roles.join(" "));
  const response = await request(transport, "/auth/v1/device_authorization", {
    method: "POST",
    body: form,
  });
  const body = parseJson(await readTokenBody(transport, response));
  const begun = Authorization.safeParse(body);
  if (response.status === 200 && begun.success) return begun.data;
  const { error = `status ${response.status}`, error_description: why } = begun.success
    ? {}
    : OAuthError.safeParse(body).data ?? { error: violationIn(body, begun.error) };
  if (error === "invalid_scope") {
    throw new UsageFailure(`Invalid --role: ${oneLine(why ?? error)}`, {
      next: "name roles of this server, such as system:viewer or functions:developer",
    });
  }
  throw new Failure(
    `The server at ${transport.url} signs in no browser for the command line: it responded ${
      oneLine(why === undefined ? error : `${error}: ${why}`)
    }`,
    { next: device.otherwise, exit: "server" },
  );
}

/** What is wrong with the first invalid field of an answer; undefined for an answer that is no object. */
function violationIn(body: unknown, { issues: [issue] }: z.ZodError): string | undefined {
  const field = issue?.path[0];
  if (issue === undefined || typeof field !== "string") return undefined;
  const value = JSON.stringify(Object(body)[field])?.slice(0, SHOWN_CHARS_MAX) ?? "nothing";
  return `${field} ${value}: ${issue.message}`;
}

async function poll(
  transport: Transport,
  device: DeviceClient,
  begun: Authorization,
): Promise<Secret> {
  const body = new URLSearchParams({
    grant_type: GRANT_TYPE,
    device_code: begun.device_code,
    client_id: device.clientId,
  });
  const endsAt = performance.now() + begun.expires_in * 1000;
  for (let intervalS = begun.interval; performance.now() < endsAt;) {
    const waitMs = Math.min(intervalS * 1000, endsAt - performance.now());
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const answer = await ask(transport, device, body);
    if (answer instanceof Secret) return answer;
    if (answer === "slow_down") intervalS += SLOW_DOWN_S;
  }
  throw expired(device);
}

/** One request for the token. A server that is away for a moment is asked again, more slowly. */
async function ask(
  transport: Transport,
  device: DeviceClient,
  body: URLSearchParams,
): Promise<Secret | "pending" | "slow_down"> {
  let response: Response;
  try {
    response = await request(transport, "/auth/v1/token", { method: "POST", body });
  } catch (error) {
    if (error instanceof Unreachable) return "slow_down";
    throw error;
  }
  const answer = parseJson(await readTokenBody(transport, response));
  const token = Token.safeParse(answer);
  if (response.status === 200 && token.success) return new Secret(token.data.access_token);
  const { error, error_description: why } = OAuthError.safeParse(answer).data ??
    { error: `status ${response.status}` };
  switch (error) {
    case "authorization_pending":
      return "pending";
    case "slow_down":
      return "slow_down";
    case "access_denied":
      throw new Failure("The sign-in was denied in the browser", {
        next: `run ${device.command} again, and choose Approve`,
      });
    case "expired_token":
      throw expired(device);
  }
  if (response.status === 429 || response.status >= 500) return "slow_down";
  throw new Failure(
    `Failed to sign in at ${transport.url}: the server responded ${
      oneLine(why === undefined ? error : `${error}: ${why}`)
    }`,
    { next: `run ${device.command} again`, exit: "server" },
  );
}

function expired({ command }: DeviceClient): Failure {
  return new Failure("Nobody approved the sign-in in time", {
    next: `run ${command} again, and approve the code in the browser`,
  });
}
