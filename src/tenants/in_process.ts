import { GatheredBytes } from "../shared/gathered_bytes.ts";
import { untilAborted } from "../shared/pause.ts";
import type { TenantCredentials } from "./contract.ts";
import {
  bounded,
  type Exchange,
  ExchangeError,
  type HttpAnswer,
  type HttpRequest,
  withinTime,
} from "./exchange.ts";

/** A tenant in the process of the server, with the client that it knows. */
export interface TenantApp {
  readonly answer: (request: Request) => Promise<Response>;
  readonly credentials: TenantCredentials;
}

/** Sends the requests to an app instead of a host; the limits of time and bytes, and the rules about answers, are the same. */
export function exchangeWith(app: TenantApp): Exchange {
  return {
    send: (request, signal) =>
      withinTime({ time: request.time, signal, late }, async (ending) => {
        const answer = await untilAborted(answerOf(app, request, ending), ending);
        if (answer === undefined) throw ending.reason;
        return answer;
      }),
  };
}

function late(within: string): ExchangeError {
  return new ExchangeError("TENANT_TIMEOUT", `no whole answer ${within}`, "perhaps", false);
}

async function answerOf(
  { answer, credentials: { host } }: TenantApp,
  { verb, path, headers, body, answerBytesMax }: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const response = await answer(
    new Request(new URL(path, `https://${host}`), {
      method: verb,
      headers: { ...headers },
      signal,
      ...body === undefined ? {} : { body },
    }),
  );
  const read = new GatheredBytes(answerBytesMax);
  for await (const chunk of bounded(response.body ?? [], answerBytesMax)) read.add(chunk);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: read.bytes(),
  };
}
