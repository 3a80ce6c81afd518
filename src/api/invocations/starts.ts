/** What started an invocation, when, and its attempts. */
import { z } from "@hono/zod-openapi";
import { earlierAttempts, type InvocationRecord } from "../../store/invocations.ts";
import { int32Out, timestamp } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

const TRIGGER_KINDS = enumWords(
  "TRIGGER_KIND",
  ...[
    "API",
    "SCHEDULE",
    "WEBHOOK",
    "HTTP",
    "DESTINATION",
    "REPLAY",
  ] as const satisfies readonly Uppercase<
    InvocationRecord["triggerKind"]
  >[],
);
const SKIP_REASONS = enumWords(
  "SKIP_REASON",
  ...[
    "OVERLAP",
    "CATCH_UP",
    "SCHEDULE_CHANGED",
    "CIRCUIT_BREAKER",
    "DEBOUNCED",
  ] as const satisfies readonly NonNullable<InvocationRecord["skipReason"]>[],
);

/** The reasons for which an invocation waits, and their names in the store. Other invocations wait only for a slot. */
const WAIT_REASONS = {
  "invoke-at": "INVOKE_AT",
  backoff: "BACKOFF",
  debounce: "DEBOUNCE",
  "rate-limit": "RATE_LIMIT",
  concurrency: "CONCURRENCY_KEY",
  "circuit-breaker": "CIRCUIT_BREAKER",
} as const satisfies Partial<Record<NonNullable<InvocationRecord["waitsFor"]>, string>>;

export const triggerKind = z.enum(TRIGGER_KINDS).openapi("invoked.TriggerKind");

/** The kind as the domain spells it; undefined for an unspecified kind. */
export function triggerKindOf(
  name: z.infer<typeof triggerKind> = "TRIGGER_KIND_UNSPECIFIED",
): InvocationRecord["triggerKind"] | undefined {
  const kind = name.slice("TRIGGER_KIND_".length).toLowerCase();
  return kind === "unspecified" ? undefined : kind as InvocationRecord["triggerKind"];
}

const skipReason = z.enum(SKIP_REASONS).openapi("invoked.SkipReason");

const waitReason = z.enum(enumWords("WAIT_REASON", ...Object.values(WAIT_REASONS)))
  .openapi("invoked.WaitReason");

/** One attempt of an invocation. */
export const attemptOut = z.object({
  attempt: int32Out,
  startedAt: timestamp.optional(),
  endedAt: timestamp.optional().openapi({ description: "Absent while the attempt runs" }),
  error: z.string().optional().openapi({
    description:
      "Absent for a success; errors of earlier attempts are truncated to 1,024 characters",
  }),
}).openapi("invoked.Attempt");

type StartsRow = Omit<InvocationRecord, "input" | "output">;

/** The fields of an invocation about its starts. */
export const startsOut = {
  principal: z.object({ id: z.string() }).optional().openapi({
    description: "The caller: a service principal, a function or a trigger",
  }),
  trigger: z.object({
    kind: triggerKind,
    id: z.string().optional().openapi({
      description: "Id of the trigger, or of the replayed or preceding invocation",
    }),
  }).openapi("invoked.InvocationTrigger", { description: "The origin of the invocation" }),
  notBefore: timestamp.optional().openapi({
    description:
      "Earliest start of the next or last attempt; absent if the attempt could start at once",
  }),
  waitReason: waitReason.optional().openapi({
    description:
      "Reason for the wait; absent if the invocation waits for a slot or no longer waits",
  }),
  startedAt: timestamp.optional().openapi({
    description:
      "Start of the first attempt; absent before the first attempt, and for invocations of " +
      "early server versions",
  }),
  endedAt: timestamp.optional().openapi({ description: "Absent until the invocation ends" }),
  attempt: int32Out.optional().openapi({
    description:
      "Number of attempts that started; absent before the first attempt, and for invocations of " +
      "early server versions",
  }),
  maxAttempts: int32Out.optional().openapi({ description: "Maximum number of attempts" }),
  attempts: z.array(attemptOut).optional().openapi({
    description: "Oldest first; absent for an invocation with one attempt",
  }),
  skipReason: skipReason.optional().openapi({
    description: "Why the invocation was skipped; absent unless it was skipped",
  }),
};

/** The API's form of the starts of an invocation. */
export function startsJson(row: StartsRow) {
  const attempts = attemptsOf(row);
  const startedAt = attempts[0]?.startedAt;
  return {
    principal: { id: row.principalId },
    trigger: {
      kind: `TRIGGER_KIND_${row.triggerKind.toUpperCase() as Uppercase<typeof row.triggerKind>}`,
      ...row.triggerId === null ? {} : { id: row.triggerId },
    },
    ...row.notBefore === null ? {} : { notBefore: row.notBefore },
    ...waitReasonJson(row),
    ...startedAt === undefined ? {} : { startedAt },
    ...hasEnded(row) ? { endedAt: row.updatedAt } : {},
    ...row.attempt === 0 ? {} : { attempt: row.attempt },
    maxAttempts: row.maxAttempts,
    ...row.maxAttempts === 1 ? {} : { attempts },
    ...row.skipReason === null ? {} : { skipReason: `SKIP_REASON_${row.skipReason}` as const },
  } as const;
}

function waitReasonJson({ waitsFor }: StartsRow) {
  if (waitsFor === null || waitsFor === "flow" || waitsFor === "released") return {};
  return { waitReason: `WAIT_REASON_${WAIT_REASONS[waitsFor]}` as const };
}

function hasEnded({ status }: StartsRow): boolean {
  return status === "SUCCESS" || status === "ERROR";
}

/** The attempts of an invocation, oldest first. */
export function attemptsOf(row: StartsRow): z.input<typeof attemptOut>[] {
  const earlier = earlierAttempts(row).map(({ startedAt, ...attempt }) => ({
    ...attempt,
    ...startedAt === null ? {} : { startedAt },
  }));
  if (row.startedAt === null) return earlier;
  const last = {
    attempt: row.attempt,
    startedAt: row.startedAt,
    ...hasEnded(row) ? { endedAt: row.updatedAt } : {},
    ...row.error === null ? {} : { error: row.error },
  };
  return [...earlier, last];
}
