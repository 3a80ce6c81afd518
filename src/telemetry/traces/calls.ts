/** The spans of the calls that leave the process of a run: host calls, and requests to other hosts. */
import { SpanKind } from "@opentelemetry/api";
import type { TimedCall, TimedEgress, TimedHostCall } from "../../shared/timed_calls.ts";
import { methodOf } from "../conventions.ts";
import type { Attributes, SpanContent } from "./span.ts";

const MICROS_PER_MS = 1_000;
/** From this status on, a client's span is an error. */
const ERROR_STATUS_MIN = 400;
/** `host:port`, where the host may be an IPv6 address in brackets, which spans have without them. */
const ENDPOINT = /^\[?(.*?)\]?:(\d{1,5})$/;

/** When the process of a run worked, in microseconds since 1970. */
interface RunTime {
  readonly startMicros: number;
  readonly endMicros: number;
}

/** The span of a call. The clock may be that of a worker: the call is cut to the time of its run. */
export function contentOf(call: TimedCall, run: RunTime): SpanContent {
  const within = (micros: number) => Math.min(Math.max(run.startMicros, micros), run.endMicros);
  const startMicros = run.startMicros + micros(call.beganMs);
  return {
    name: call.kind === "host" ? call.method : methodOf(call.method),
    kind: SpanKind.CLIENT,
    startMicros: within(startMicros),
    endMicros: within(startMicros + micros(call.durationMs)),
    attributes: call.kind === "host" ? ofHostCall(call) : ofEgress(call),
  };
}

function micros(ms: number): number {
  return Math.round(ms * MICROS_PER_MS);
}

function ofHostCall({ method, errorCode }: TimedHostCall): Attributes {
  return {
    "rpc.method": method,
    ...errorCode === undefined ? {} : { "error.type": errorCode },
  };
}

function ofEgress({ method, host, verdict, status, bytes }: TimedEgress): Attributes {
  const [, address = host, port] = ENDPOINT.exec(host) ?? [];
  const error = errorOf(verdict, status);
  return {
    "http.request.method": methodOf(method),
    "server.address": address,
    ...port === undefined ? {} : { "server.port": Number(port) },
    ...status === undefined ? {} : { "http.response.status_code": status },
    "invoked.egress.size": bytes,
    ...error === undefined ? {} : { "error.type": error },
  };
}

function errorOf(verdict: TimedEgress["verdict"], status: number | undefined): string | undefined {
  if (verdict !== "allowed") return verdict;
  return status !== undefined && status >= ERROR_STATUS_MIN ? String(status) : undefined;
}
