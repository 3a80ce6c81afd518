/** The messages of sessions, offers and claims. Messages of a worker are hostile: every reader here checks them. */
import { z } from "zod";
import { createHash } from "node:crypto";
import type { Job, JobNeeds, Outcome, Prewarmed } from "../../engine/contract.ts";
import type { MemoryLimit, MemoryMaximum, SandboxLog } from "../../sandbox/contract.ts";
import { EGRESS_HOST_MAX_UNITS, EGRESS_VERDICTS_MAX } from "../../sandbox/egress/session.ts";
import { OUTCOME_MESSAGE_MAX_UNITS, validateOutput } from "../../sandbox/instance/outcome.ts";
import { CALL_NAME_MAX_UNITS, TIMED_CALLS_MAX } from "../../shared/timed_calls.ts";
import { isId } from "../nats/subjects.ts";
import { isGrant } from "../objects/grants.ts";
import { isPublicKey } from "./sealing.ts";
import { BrokenProtocol } from "./receiver.ts";

/** Types of messages in the channel of a session. */
export const MessageType = {
  /** Owner to worker: the sealed job, once. */
  JOB: 1,
  /** Owner to worker: a piece of the stream of replies to host calls (`src/runtime/wire.ts`). */
  HOST_REPLY: 2,
  /** Owner to worker: kill the instance; the text is a `KillCode`. */
  CANCEL: 3,
  /** Worker to owner: the slot is held. */
  ACCEPTED: 16,
  /** Worker to owner: log lines. */
  LOG: 17,
  /** Worker to owner: the body of a frame `HOST_CALL` of `src/runtime/wire.ts`. */
  HOST_CALL: 18,
  /** Worker to owner: how the job ended, once. */
  OUTCOME: 19,
} as const;

/** Log lines of one message. */
export const LOG_LINES_MAX = 500;
/** Longest message of a log line in UTF-16 units; the sandbox cuts longer messages. */
const LOG_MESSAGE_MAX_UNITS = 1024 * 1024;
/** Most scripts in a heartbeat and in a list of scripts to keep ready. */
export const SCRIPTS_MAX = 128;
const HEAD_LENGTH_BYTES = 4;

const encoder = new TextEncoder();

export const Id = z.string().refine(isId);
export const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const PublicKey = z.string().refine(isPublicKey);
const Protocol = z.int().min(0).max(1_000_000);
export const ObjectGrant = z.string().refine(isGrant);
/** Empty without a list. */
const ListName = z.string().max(64);
const Count = z.int().min(0).max(1_000_000);
/** In bytes. */
export const Memory = z.int().min(0);
const EvaluationSetting = z.enum(["per-call", "shared"]);

const Offer = z.object({
  protocol: Protocol,
  node: Id,
  session: Id,
  scriptDigest: Digest,
  lentBy: Id.optional(),
  /** The memory limit of the invocation; absent from API nodes of earlier versions. */
  memoryBytes: Memory.optional(),
});

/** An API node asks a worker for a slot. */
export type Offer = Readonly<z.infer<typeof Offer>>;

const Accepted = z.object({ protocol: Protocol, publicKey: PublicKey });

/** A worker holds a slot for a session. */
export type Accepted = Readonly<z.infer<typeof Accepted>>;

/** What every version sends with the messages by which it can be recognized. */
const Spoken = z.object({ protocol: Protocol });

/** The protocol of a sender. */
type Spoken = Readonly<z.infer<typeof Spoken>>;

const ClaimRequest = z.object({
  protocol: Protocol,
  session: Id,
  publicKey: PublicKey,
  maxMemoryBytes: Memory.optional(),
});

/** A worker holds a slot, and asks any API node for an asynchronous invocation. */
type ClaimRequest = Readonly<z.infer<typeof ClaimRequest>>;

const ClaimReply = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("claimed"), node: Id }),
  z.object({ answer: z.enum(["gone", "later"]) }),
  /** The node does not speak the worker's protocol. */
  z.object({ answer: z.literal("foreign"), protocol: Protocol }),
]);

export type ClaimReply = Readonly<z.infer<typeof ClaimReply>>;

/** A worker's reply to the news that an asynchronous invocation waits: whether it claims one now, or once it can. */
export const WaitingReply = {
  CLAIMS: encoder.encode("claims"),
  FULL: encoder.encode("full"),
} as const;

const Heartbeat = z.object({
  protocol: Protocol,
  version: z.string().max(64),
  capacity: Count,
  free: Count,
  /** Digests of scripts that it has ready. */
  ready: z.array(Digest).max(SCRIPTS_MAX),
  /** Name of the list of scripts that it keeps ready. */
  scriptList: ListName,
  publicKey: PublicKey,
  isDraining: z.boolean(),
  /** Invocations with more memory do not run there; absent from workers of earlier versions. */
  maxMemoryBytes: Memory.optional(),
  /** Whether it loads scripts for reports; absent from workers of earlier versions, too. */
  reportsLoads: z.boolean().optional(),
});

/** What a worker says of itself. */
export type Heartbeat = Readonly<z.infer<typeof Heartbeat>>;

const Prewarm = z.object({
  /** Names the list: the worker's heartbeat repeats it. */
  name: ListName,
  /** With the key of each script's object, in base64. */
  scripts: z.array(z.object({
    scriptDigest: Digest,
    count: Count,
    key: ObjectGrant,
    /** The source map of the script; both absent from API nodes of earlier versions. */
    sourceMapDigest: Digest.optional(),
    sourceMapKey: ObjectGrant.optional(),
    memoryBytes: Memory.optional(),
    /** Absent from API nodes of earlier versions, too. */
    evaluation: EvaluationSetting.optional(),
  })).max(SCRIPTS_MAX),
});

/** Scripts that a worker keeps ready. */
type Prewarm = Readonly<z.infer<typeof Prewarm>>;

/** What a job needs of the process that runs it, for an offer. */
export function needsOf(
  { scriptDigest, limits: { memoryBytes } }: JobNeeds,
): Pick<Offer, "scriptDigest" | "memoryBytes"> {
  return { scriptDigest, memoryBytes };
}

/** What a process has for jobs, for a claim or a heartbeat. */
export function maximumOf({ maxMemoryBytes }: MemoryMaximum): MemoryMaximum {
  return { maxMemoryBytes };
}

/** Whether a process with this maximum runs jobs with this memory. A node of an earlier version reports neither. */
export function hasMemory(
  { maxMemoryBytes = Infinity }: MemoryMaximum,
  { memoryBytes = 0 }: MemoryLimit,
): boolean {
  return memoryBytes <= maxMemoryBytes;
}

/** The name of a list of scripts, the same for the same list at every node; empty for an empty list. */
export function listName(scripts: readonly Prewarmed[]): string {
  if (scripts.length === 0) return "";
  const text = JSON.stringify(
    scripts.map(({ scriptDigest, count, memoryBytes, evaluation }) => [
      scriptDigest,
      count,
      memoryBytes,
      ...evaluation === undefined ? [] : [evaluation],
    ]),
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

const Logs = z.array(z.object({
  time: z.number().min(0).max(8.64e15),
  level: z.enum(["debug", "info", "warn", "error"]),
  source: z.enum(["console", "stdout", "stderr", "egress", "system"]),
  message: z.string().max(LOG_MESSAGE_MAX_UNITS),
})).max(LOG_LINES_MAX);

/** A time in milliseconds or a number of bytes. */
const Amount = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

const Verdict = z.enum(["allowed", "refused", "failed"]);
const timed = {
  method: z.string().max(CALL_NAME_MAX_UNITS),
  beganMs: Amount,
  durationMs: Amount,
};
const TimedHostCall = z.object({
  ...timed,
  kind: z.literal("host"),
  errorCode: z.string().max(CALL_NAME_MAX_UNITS).optional(),
});
const TimedEgress = z.object({
  ...timed,
  kind: z.literal("egress"),
  host: z.string().max(EGRESS_HOST_MAX_UNITS),
  verdict: Verdict,
  status: Count.optional(),
  bytes: Amount,
});

const Measured = z.object({
  evaluateMs: Amount.optional(),
  processMs: Amount,
  /** Absent from workers of earlier versions. */
  afterMs: Amount.optional(),
  hostCallsMs: Amount,
  egressMs: Amount,
  cpuMs: Amount.optional(),
  peakBytes: Amount.optional(),
  egressBytes: Amount,
  egress: z.array(z.object({
    host: z.string().max(EGRESS_HOST_MAX_UNITS),
    verdict: Verdict,
    count: Count,
    bytes: Amount,
  })).max(EGRESS_VERDICTS_MAX),
  /** Absent from workers of earlier versions. */
  calls: z.array(z.discriminatedUnion("kind", [TimedHostCall, TimedEgress]))
    .max(2 * TIMED_CALLS_MAX).optional(),
});

const Ended = z.object({
  /** Absent from workers of earlier versions. */
  measured: Measured.optional(),
  process: z.enum(["root", "template", "single", "reused"]).optional(),
  error: z.object({
    code: z.enum([
      "TIMEOUT",
      "CPU_LIMIT",
      "OUT_OF_MEMORY",
      "UNCAUGHT",
      "BAD_OUTPUT",
      "OUTPUT_TOO_LARGE",
      "EXITED",
      "NO_HANDLER",
      "CANCELLED",
      "INTERRUPTED",
    ]),
    message: z.string().max(OUTCOME_MESSAGE_MAX_UNITS),
  }).optional(),
});

function read<T>(schema: z.ZodType<T>, what: string, bytes: Uint8Array): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new BrokenProtocol(`${what} is not JSON`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BrokenProtocol(`${what} is malformed at ${issue?.path.join(".") || "its top"}`);
}

/** The JSON of an offer, a heartbeat, a claim and so on. */
export function encode(
  value:
    | Offer
    | Accepted
    | Spoken
    | ClaimRequest
    | ClaimReply
    | Heartbeat
    | Prewarm
    | readonly SandboxLog[],
): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}

/** @throws BrokenProtocol */
export function readerOf<T>(
  schema: z.ZodType<T>,
  what: string,
): (bytes: Uint8Array) => Readonly<T> {
  return (bytes) => read(schema, what, bytes);
}

export const readOffer = readerOf(Offer, "an offer");
export const readAccepted = readerOf(Accepted, "an answer");
/** The protocol of a sender, also of one that writes the rest of its message in another way. */
export const readProtocol = (bytes: Uint8Array): number =>
  read(Spoken, "a message", bytes).protocol;
export const readClaimRequest = readerOf(ClaimRequest, "a claim");
export const readClaimReply = readerOf(ClaimReply, "the reply to a claim");
export const readHeartbeat = readerOf(Heartbeat, "a heartbeat");
export const readPrewarm = readerOf(Prewarm, "a list of scripts");
export const readLogs = readerOf(Logs, "a list of log lines");

/** A job for a worker, and what it needs to read the artifacts: the grants of their objects, by digest. */
export interface SealedJob {
  readonly job: Job;
  readonly keys: Readonly<Record<string, string>>;
}

/**
 * A job as it is sealed: its input is kept apart, because it may be large. Inputs and outputs of any size go through the
 * channel, in chunks: each has one reader, and is in the record already. As objects they would be written, synced and
 * deleted once more for each invocation, and a worker would need the right to write objects.
 */
export function encodeJob(
  { job: { inputJson, ...head }, keys }: SealedJob,
): Uint8Array<ArrayBuffer> {
  return encodeWithText({ ...head, keys, sentAtMs: Date.now() }, inputJson);
}

/** Reads an opened job; its owner is trusted. Its deadline is by the clock of this machine, as its code reads the time. */
export function decodeJob(bytes: Uint8Array): SealedJob {
  const { head, text } = split(bytes);
  const { keys, sentAtMs, ...job } = JSON.parse(new TextDecoder().decode(head)) as
    & Omit<Job, "inputJson">
    & Pick<SealedJob, "keys">
    // Nodes of earlier versions do not send it.
    & { readonly sentAtMs?: number };
  const inputJson = new TextDecoder().decode(text);
  if (sentAtMs === undefined || job.context === undefined) {
    return { job: { ...job, inputJson }, keys };
  }
  const leftMs = Date.parse(job.context.deadline) - sentAtMs;
  const context = { ...job.context, deadline: new Date(Date.now() + leftMs).toISOString() };
  return { job: { ...job, context, inputJson }, keys };
}

export function encodeOutcome(outcome: Outcome): Uint8Array<ArrayBuffer> {
  const { process, measured } = outcome;
  if (outcome.kind === "success") return encodeWithText({ process, measured }, outcome.outputJson);
  const { code, message } = outcome;
  return encodeWithText({ process, measured, error: { code, message } }, "");
}

/** @throws BrokenProtocol */
export function readOutcome(bytes: Uint8Array): Outcome {
  const { head, text } = split(bytes);
  const { process, measured, error } = read(Ended, "an outcome", head);
  const ran = {
    ...process === undefined ? {} : { process },
    ...measured === undefined ? {} : { measured },
  } as Pick<Outcome, "process" | "measured">;
  if (error !== undefined) return { kind: "error", ...error, ...ran };
  return { ...validateOutput(text), ...ran };
}

function encodeWithText(head: unknown, text: string): Uint8Array<ArrayBuffer> {
  const json = encoder.encode(JSON.stringify(head));
  const body = encoder.encode(text);
  const bytes = new Uint8Array(HEAD_LENGTH_BYTES + json.length + body.length);
  new DataView(bytes.buffer).setUint32(0, json.length);
  bytes.set(json, HEAD_LENGTH_BYTES);
  bytes.set(body, HEAD_LENGTH_BYTES + json.length);
  return bytes;
}

function split(bytes: Uint8Array): { readonly head: Uint8Array; readonly text: Uint8Array } {
  const length = bytes.length < HEAD_LENGTH_BYTES
    ? Infinity
    : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const textAt = HEAD_LENGTH_BYTES + length;
  if (textAt > bytes.length) throw new BrokenProtocol("the head of a message is cut");
  return { head: bytes.subarray(HEAD_LENGTH_BYTES, textAt), text: bytes.subarray(textAt) };
}
