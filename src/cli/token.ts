import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { ALL_SETTINGS, formatDuration, readEnvironment, resolveConfig } from "../config/mod.ts";
import { describeError, Failure, oneLine } from "./failure.ts";
import { addSettingFlags } from "./setting_flags.ts";

const TOKEN_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;

const Credentials = z.object({
  serverUrl: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
});

/** RFC 6749 section 5.1; the token itself is a `b64token` of RFC 6750 section 2.1. */
const TokenAnswer = z.object({ access_token: z.string().regex(/^[A-Za-z0-9._~+/-]+=*$/) });

/** RFC 6749 section 5.2. */
const TokenError = z.object({ error: z.string(), error_description: z.string().optional() });

/** `invoked token`: prints an access token for the credentials in the data directory. */
export function registerToken(program: Command): void {
  const command = program.command("token")
    .description("Print an access token of the server whose data directory this is");
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path }) => path === "server.dataDir"),
  );
  command.action(async () => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    const { dataDir } = config.server;
    using client = await trustingClient(dataDir);
    console.log(await requestToken(await readCredentials(dataDir), client));
  });
}

async function readCredentials(dataDir: string): Promise<z.infer<typeof Credentials>> {
  const path = join(dataDir, "credentials.json");
  const text = await Deno.readTextFile(path).catch((error) => {
    const hint = error instanceof Deno.errors.NotFound
      ? "the file does not exist; start the server once with this --data, or name its directory"
      : describeError(error);
    throw new Failure(`Cannot read credentials ${path}: ${hint}`);
  });
  const credentials = Credentials.safeParse(parseJson(text));
  if (!credentials.success) {
    throw new Failure(
      `Cannot use credentials ${path}: the file is not a JSON object with serverUrl, clientId and clientSecret`,
    );
  }
  return credentials.data;
}

/** A client that trusts the server's local CA as well, where there is one. */
async function trustingClient(dataDir: string): Promise<Deno.HttpClient> {
  const ca = await Deno.readTextFile(join(dataDir, "tls", "ca.pem")).catch(() => undefined);
  return Deno.createHttpClient(ca === undefined ? {} : { caCerts: [ca] });
}

async function requestToken(
  credentials: z.infer<typeof Credentials>,
  client: Deno.HttpClient,
): Promise<string> {
  const url = new URL("/auth/v1/token", credentials.serverUrl);
  const { status, body } = await post(
    url,
    new URLSearchParams({
      grant_type: "client_credentials",
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
    }),
    client,
  );
  const answer = TokenAnswer.safeParse(body);
  if (status === 200 && answer.success) return answer.data.access_token;
  const refusal = TokenError.safeParse(body);
  const { error, error_description: description } = refusal.data ?? { error: `status ${status}` };
  const why = oneLine(description === undefined ? error : `${error}: ${description}`);
  throw new Failure(`Cannot get a token from ${url}: the server answered ${why}`);
}

/** A redirect is refused: the client secret goes to the server that issued it and nowhere else. */
async function post(url: URL, body: URLSearchParams, client: Deno.HttpClient) {
  try {
    const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS);
    const response = await fetch(url, { method: "POST", body, redirect: "error", signal, client });
    return { status: response.status, body: parseJson(await readText(response)) };
  } catch (error) {
    const why = error instanceof DOMException && error.name === "TimeoutError"
      ? `no answer within ${formatDuration(TOKEN_TIMEOUT_MS)}`
      : describeError(error);
    throw new Failure(`Cannot reach the server at ${url.origin}; is it running? ${why}`);
  }
}

/** The body as text, cut off where a token's answer has long ended. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, MAX_ANSWER_BYTES);
}

/** The parsed JSON, or undefined for a text that is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
