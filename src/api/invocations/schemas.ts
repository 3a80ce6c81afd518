/** Invocations on the wire, with the HTTP request that one answered and the deliveries of its end. */
import { z } from "@hono/zod-openapi";
import type { OutboxRow } from "../../store/outbox.ts";
import { targetOf } from "../../domain/functions/destinations.ts";
import { int32Out, int64Out, timestamp } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";
import type { HttpRecord } from "../../domain/endpoints/client.ts";
import type {
  InvocationOverview,
  InvocationRecord,
  InvocationStatus,
} from "../../store/invocations.ts";
import { embeddedObject } from "../../shared/json_text.ts";
import type { TracedLog } from "../../domain/invocations/logs.ts";
import { traceIdOf } from "../../domain/invocations/trace.ts";
import { recordedLimits } from "../../domain/limits.ts";
import { limitsOut, recordedLimitsJson } from "../functions/limits.ts";
import { processReuse } from "../functions/settings.ts";
import type { Uses } from "../operation.ts";
import { measurementsJson, measurementsOut } from "./measurements.ts";
import { startsJson, startsOut } from "./starts.ts";

/** Where the end of an invocation went. */
const sentOut = z.object({
  functionId: z.string().optional(),
  url: z.string().optional(),
  state: z.enum(enumWords("DESTINATION_STATE", "PENDING", "DELIVERED", "FAILED")),
  attempts: int32Out,
  nextAttemptAt: timestamp.optional().openapi({
    description: "Time of the next attempt; present while the delivery is pending",
  }),
  error: z.string().optional().openapi({ description: "Why the last attempt failed" }),
  invocationId: z.string().optional().openapi({
    description: "The invocation that the delivery started",
  }),
  updatedAt: timestamp,
}).openapi("invoked.SentEnd");

/** The API's form of the end of an invocation on its way. */
function sentJson(row: OutboxRow): z.input<typeof sentOut> {
  return {
    ...targetOf(row.target),
    state: `DESTINATION_STATE_${row.state}`,
    attempts: row.attempts,
    ...row.state === "PENDING" ? { nextAttemptAt: row.dueAt } : {},
    ...row.error === null ? {} : { error: row.error },
    ...row.startedId === null ? {} : { invocationId: row.startedId },
    updatedAt: row.updatedAt,
  };
}

const httpOut = z.object({
  method: z.string(),
  path: z.string(),
  status: int32Out.optional().openapi({
    description: "Absent if the client disconnected before the response",
  }),
  requestBytes: int64Out.openapi({
    description: "Bytes of the request body that the function read",
  }),
  responseBytes: int64Out,
  requestBody: z.string().optional().openapi({
    description: "First KiB of a text body, if the trigger sets recordBody",
  }),
}).openapi("invoked.InvocationHttp", {
  description: "The HTTP request that the invocation answered",
});

/** The API's form of the request of an invocation, in a long list without its body. */
function httpJson(
  { http }: Pick<InvocationRecord, "http">,
  view: "basic" | "full",
): { http?: z.input<typeof httpOut> } {
  if (http === null) return {};
  const { method, path, status, requestBytes, responseBytes, requestBody } = JSON.parse(
    http,
  ) as HttpRecord;
  return {
    http: {
      method,
      path,
      ...status === null ? {} : { status },
      requestBytes: `${requestBytes}`,
      responseBytes: `${responseBytes}`,
      ...requestBody === undefined || view === "basic" ? {} : { requestBody },
    },
  };
}

const PREFIX = "FUNCTION_INVOCATION_STATUS_";
const UNSPECIFIED = `${PREFIX}UNSPECIFIED`;

export const invocationStatus = z.enum(
  enumWords(
    "FUNCTION_INVOCATION_STATUS",
    ...["PENDING", "RUNNING", "SUCCESS", "ERROR"] as const satisfies readonly InvocationStatus[],
  ),
).openapi("c1.api.functions.v1.FunctionInvocationStatus");

/** The status as the API spells it. */
export function statusName(status: InvocationStatus): z.infer<typeof invocationStatus> {
  return `${PREFIX}${status}`;
}

/** The status as the domain spells it; undefined for an unspecified status. */
export function statusOf(
  name: z.infer<typeof invocationStatus> = UNSPECIFIED,
): InvocationStatus | undefined {
  return name === UNSPECIFIED ? undefined : name.slice(PREFIX.length) as InvocationStatus;
}

const PROCESS_KINDS = enumWords("PROCESS_KIND", "ROOT", "TEMPLATE", "SINGLE", "REUSED");
const processKind = z.enum(PROCESS_KINDS).openapi({
  description:
    "The process of the invocation: forked from the loaded runtime, forked with the commit's " +
    "script evaluated, spawned for the invocation, or reused after earlier invocations. " +
    "Absent until the invocation ends",
});

/** The API's name of a kind of process. */
function processKindName(
  kind: NonNullable<InvocationRecord["processKind"]>,
): z.infer<typeof processKind> {
  return `PROCESS_KIND_${kind.toUpperCase() as Uppercase<typeof kind>}`;
}

export const parentInvocationId = z.string().optional().openapi({
  description: "The invocation that called the function",
});

const jsonObject = z.record(z.string(), z.unknown());

export const invocationOut = z.object({
  id: z.string(),
  functionId: z.string(),
  commitId: z.string(),
  status: invocationStatus,
  input: jsonObject.optional(),
  inputPreview: z.string().optional().openapi({
    description: "With INVOCATION_VIEW_BASIC: the first 300 characters of the input's JSON",
  }),
  output: jsonObject.optional(),
  error: z.string().optional().openapi({
    description: "A stable error code, a colon, and a message",
  }),
  failure: z.string().optional().openapi({
    description:
      "The error code, or HTTP_5XX for a SUCCESS that returned an HTTP status of 500 or more; " +
      "absent unless the invocation failed",
  }),
  processReuse,
  parentInvocationId: z.string().optional().openapi({
    description: "The invocation that called the function; absent for external callers",
  }),
  depth: int32Out.optional().openapi({
    description:
      "Number of invocations above this nested invocation; absent for an invocation from outside",
  }),
  vfsId: z.string().optional().openapi({ description: "The attached volume" }),
  vfsVersionRead: int32Out.optional().openapi({
    description: "The volume version that the invocation read",
  }),
  vfsVersionWritten: int32Out.optional().openapi({
    description: "The volume version that the invocation created",
  }),
  processKind: processKind.optional(),
  traceId: z.string().openapi({
    description: "Trace of the invocation (W3C Trace Context): 32 hexadecimal digits",
  }),
  ...startsOut,
  http: httpOut.optional(),
  ...measurementsOut,
  limits: limitsOut.optional().openapi({
    description: "Limits in force when the server accepted the invocation",
  }),
  createdAt: timestamp,
  updatedAt: timestamp,
}).openapi("c1.api.functions.v1.FunctionInvocation");

/** A response with one invocation, which has more fields than an entry of a list. */
export const invocationAnswer = z.object({
  invocation: invocationOut.extend({
    destination: sentOut.optional().openapi({
      description: "Delivery to the destination; absent in lists, and without a destination",
    }),
    traceUrl: z.string().optional().openapi({
      description: "Page of the trace; absent in lists, and without --trace-url",
    }),
  }),
});

/** The API's form of an invocation. */
export function invocationJson(row: InvocationRecord): z.input<typeof invocationOut> {
  const { createdAt, updatedAt } = row;
  return {
    ...namesJson(row),
    input: embeddedObject(row.input),
    ...row.output === null ? {} : { output: embeddedObject(row.output) },
    ...factsJson(row),
    ...startsJson(row),
    ...httpJson(row, "full"),
    ...measurementsJson(row),
    ...recordedLimitsJson(recordedLimits(row)),
    createdAt,
    updatedAt,
  };
}

/** Characters of an error in {@link overviewJson}. */
const ERROR_CHARACTERS = 300;

/** The API's form of an invocation in a long list. */
export function overviewJson(row: InvocationOverview): z.input<typeof invocationOut> {
  const { inputPreview, createdAt, updatedAt } = row;
  const { attempts: _, ...starts } = { attempts: undefined, ...startsJson(row) };
  const error = row.error?.slice(0, ERROR_CHARACTERS) ?? null;
  return {
    ...namesJson(row),
    inputPreview,
    ...factsJson({ ...row, error }),
    ...starts,
    ...httpJson(row, "basic"),
    createdAt,
    updatedAt,
  };
}

function namesJson({ id, functionId, commitId, status }: InvocationOverview | InvocationRecord) {
  return { id, functionId, commitId, status: statusName(status) };
}

function factsJson(row: Omit<InvocationRecord, "input" | "output">) {
  return {
    ...row.error === null ? {} : { error: row.error },
    ...row.failure === null ? {} : { failure: row.failure },
    processReuse: row.processReuse,
    traceId: traceIdOf(row),
    ...row.parentInvocationId === null
      ? {}
      : { parentInvocationId: row.parentInvocationId, depth: row.depth },
    ...row.volumeId === null ? {} : { vfsId: row.volumeId },
    ...row.volumeVersionRead === null ? {} : { vfsVersionRead: row.volumeVersionRead },
    ...row.volumeVersionWritten === null ? {} : { vfsVersionWritten: row.volumeVersionWritten },
    ...row.processKind === null ? {} : { processKind: processKindName(row.processKind) },
  };
}

/** As {@link invocationJson}, with what only the answer with one invocation has. */
export async function wholeInvocationJson(
  row: InvocationRecord,
  { invocations, traceUrl }: Uses<"invocations" | "traceUrl">,
): Promise<z.input<typeof invocationAnswer>["invocation"]> {
  const sent = await invocations.sentEnd(row.id);
  const url = traceUrl(traceIdOf(row));
  return {
    ...invocationJson(row),
    ...sent === undefined ? {} : { destination: sentJson(sent) },
    ...url === undefined ? {} : { traceUrl: url },
  };
}

export const logOut = z.object({
  sequence: int32Out,
  time: timestamp,
  level: z.enum(["debug", "info", "warn", "error"]),
  source: z.enum(["console", "stdout", "stderr", "egress", "system"]),
  message: z.string(),
  traceId: z.string().openapi({ description: "Trace of the invocation" }),
}).openapi("invoked.InvocationLog");

/** The API's form of a log line. */
export function logJson(
  { sequence, time, level, source, message, traceId }: TracedLog,
): z.input<typeof logOut> {
  return { sequence, time, level, source, message, traceId } as z.input<typeof logOut>;
}
