import { createParser } from "eventsource-parser";
import { type Api, functionPath } from "./api.ts";
import { ApiError, needsAddition, parseJson } from "./api_error.ts";
import { readBody } from "./http.ts";
import { type Invocation, LogLine, pageOf, type RemoteFunction } from "./schemas.ts";
import { pageQuery } from "./session.ts";

/** Above the number of lines of any invocation: the server limits bytes. */
const MAX_LINES = 1_000_000;
/** Interval between reads of a function's invocations, in milliseconds. */
const POLL_INTERVAL_MS = 500;
const RECENT = 25;
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
  const path = logsPath(fn, invocationId);
  const what = `Cannot read the log of invocation ${invocationId}`;
  const list = session.all(
    MAX_LINES,
    (token) => session.get(what, `${path}?${pageQuery(MAX_LINES, token)}`, pageOf(LogLine)),
  );
  return await needsAddition("logs of invocations", list);
}

/** The lines of an invocation as they are printed, until it ends or the signal is aborted. */
export async function* followLogs(
  { session }: Api,
  fn: RemoteFunction,
  invocationId: string,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const response = await needsAddition(
    "live logs",
    openStream(session, fn, invocationId, signal),
  );
  const lines: LogLine[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ event, data }) => {
      const line = event === "log" ? LogLine.safeParse(parseJson(data)) : undefined;
      if (line?.success) lines.push(line.data);
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* lines.splice(0);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function openStream(
  session: Api["session"],
  fn: RemoteFunction,
  invocationId: string,
  signal: AbortSignal,
): Promise<Response> {
  const response = await session.send("GET", logsPath(fn, invocationId), {
    headers: { accept: "text/event-stream" },
    timeoutMs: STREAM_TIMEOUT_MS,
    signal,
  });
  const type = response.headers.get("content-type") ?? "";
  if (response.ok && type.startsWith("text/event-stream")) return response;
  const body = await readBody(session.transport, response);
  throw ApiError.from(`Cannot follow invocation ${invocationId}`, response, body);
}

/** The invocations of a function that begin from now on, each once, until the signal is aborted. */
export async function* newInvocations(
  api: Api,
  fn: RemoteFunction,
  signal: AbortSignal,
): AsyncGenerator<Invocation> {
  const seen = new Set((await api.invocations(fn, {}, RECENT)).map(({ id }) => id));
  while (!signal.aborted) {
    await pause(POLL_INTERVAL_MS, signal);
    if (signal.aborted) return;
    const recent = await api.invocations(fn, {}, RECENT);
    for (const invocation of recent.toReversed()) {
      if (seen.has(invocation.id)) continue;
      seen.add(invocation.id);
      yield invocation;
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

function logsPath(fn: RemoteFunction, invocationId: string): string {
  return `${functionPath(fn)}/invocations/${encodeURIComponent(invocationId)}/logs`;
}
