import { createParser } from "eventsource-parser";
import type { Api } from "./api.ts";
import { ApiError, needsAddition, parseJson } from "./api_error.ts";
import { readBody, type Transport, Unreachable } from "./http.ts";
import { httpRequest } from "../../resources/request.ts";
import { pause } from "../../shared/pause.ts";
import type { Reconnection } from "./reconnection.ts";
import { type Invocation, LogLine, type RemoteFunction } from "./schemas.ts";

const LOGS = "GET /api/v1/functions/{function_id}/invocations/{id}/logs";

/** Above the number of lines of any invocation: the server limits bytes. */
const MAX_LINES = 1_000_000;
/** Interval between reads of a function's invocations, in milliseconds. */
const POLL_INTERVAL_MS = 500;
const RECENT = 25;
/** Invocations that may begin between two reads. */
const MAX_RECENT = 1000;
/** Above the duration of any invocation, in milliseconds. */
const STREAM_TIMEOUT_MS = 24 * 60 * 60_000;
/** Limit of an event; every line of a log is shorter. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

/** The log of an invocation so far. An addition to C1's API. */
export async function readLogs(
  { session }: Api,
  fn: RemoteFunction,
  invocationId: string,
): Promise<LogLine[]> {
  const what = `Failed to read the log of invocation ${invocationId}`;
  const list = session.list(what, LOGS, LogLine, MAX_LINES, of(fn, invocationId));
  return await needsAddition("logs of invocations", list);
}

/**
 * The lines of an invocation as they are printed, until it ends or the signal of the connection is aborted. After a
 * lost connection it continues after the last line.
 */
export async function* followLogs(
  { session }: Api,
  fn: RemoteFunction,
  invocationId: string,
  connection: Reconnection,
): AsyncGenerator<LogLine> {
  let after = 0;
  const { signal } = connection;
  while (!signal.aborted) {
    try {
      const response = await needsAddition(
        "live logs",
        openStream(session, fn, invocationId, after, signal),
      );
      connection.restored();
      for await (const line of linesOf(response, session.transport)) {
        if (line === "end") return;
        after = line.sequence;
        yield line;
      }
      throw new Unreachable(session.transport, ENDED_EARLY, STREAM_TIMEOUT_MS);
    } catch (error) {
      await connection.lost(error);
    }
  }
}

const ENDED_EARLY = new Error("the connection was closed before the end of the log");

/** The lines of a stream, and its last event. @throws {Unreachable} for a broken connection */
async function* linesOf(
  response: Response,
  transport: Transport,
): AsyncGenerator<LogLine | "end"> {
  const events: (LogLine | "end")[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ event, data }) => {
      if (event === "end") events.push("end");
      const line = event === "log" ? LogLine.safeParse(parseJson(data)) : undefined;
      if (line?.success) events.push(line.data);
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of bodyOf(response, transport)) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* events.splice(0);
  }
}

async function* bodyOf(response: Response, transport: Transport): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (error) {
    throw new Unreachable(transport, error, STREAM_TIMEOUT_MS);
  }
}

async function openStream(
  session: Api["session"],
  fn: RemoteFunction,
  invocationId: string,
  after: number,
  signal: AbortSignal,
): Promise<Response> {
  const header = { Accept: "text/event-stream", "Last-Event-ID": String(after) };
  const request = httpRequest(LOGS, { ...of(fn, invocationId), header });
  const response = await session.send(request, { timeoutMs: STREAM_TIMEOUT_MS, signal });
  const type = response.headers.get("content-type") ?? "";
  if (response.ok && type.startsWith("text/event-stream")) return response;
  const body = await readBody(session.transport, response);
  throw ApiError.from(session.names, `Failed to follow invocation ${invocationId}`, response, body);
}

/**
 * The invocations of a function that begin from now on, each once, until the signal is aborted.
 *
 * @param since yields the invocations since this time first, oldest first; at most {@link MAX_RECENT}
 */
export async function* newInvocations(
  api: Api,
  fn: RemoteFunction,
  connection: Reconnection,
  since?: string,
): AsyncGenerator<Invocation> {
  const { signal } = connection;
  const before = await api.invocations(fn, {}, RECENT);
  // Read second, so that it has what began meanwhile.
  const earlier = since === undefined ? [] : await api.invocations(fn, { since }, MAX_RECENT);
  yield* earlier.toReversed();
  const seen = new Set([...before, ...earlier].map(({ id }) => id));
  // Ids sort by time: what is older than these began before.
  const oldest = before.length < RECENT ? "" : before.at(-1)?.id ?? "";
  while (!signal.aborted) {
    await pause(POLL_INTERVAL_MS, signal);
    const recent = await connection.attempt(() => recentInvocations(api, fn, seen)) ?? [];
    for (const invocation of recent.toReversed()) {
      if (seen.has(invocation.id) || invocation.id < oldest) continue;
      seen.add(invocation.id);
      yield invocation;
    }
  }
}

/** The newest invocations, back to a known invocation; at most {@link MAX_RECENT}. */
async function recentInvocations(
  api: Api,
  fn: RemoteFunction,
  seen: ReadonlySet<string>,
): Promise<Invocation[]> {
  const recent = await api.invocations(fn, {}, RECENT);
  if (recent.length < RECENT || recent.some(({ id }) => seen.has(id))) return recent;
  return await api.invocations(fn, {}, MAX_RECENT);
}

/** The path parameters of an invocation. */
function of(fn: RemoteFunction, invocationId: string) {
  return { path: { function_id: fn.id, id: invocationId } };
}
