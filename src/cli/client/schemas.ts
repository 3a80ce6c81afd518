/** What the server answers, as far as the command line reads it. Absent and null fields are the same. */
import { z } from "zod";

const text = z.string().nullish().transform((value) => value ?? "");
const optionalText = z.string().nullish().transform((value) => value || undefined);

export const RemoteFunction = z.object({
  id: z.string(),
  displayName: text,
  description: text,
  functionType: text,
  head: optionalText,
  publishedCommitId: optionalText,
  outboundNetworkAllowlist: z.array(z.string()).nullish().transform((value) => value ?? []),
  secret: z.record(z.string(), z.string()).nullish().transform((value) => Object.keys(value ?? {})),
  provisionedConcurrency: z.number().nullish().transform((value) => value ?? 0),
  createdAt: optionalText,
  updatedAt: optionalText,
  deletedAt: optionalText,
});
export type RemoteFunction = z.output<typeof RemoteFunction>;

export const Commit = z.object({
  id: z.string(),
  message: text,
  author: text,
  createdAt: optionalText,
});
export type Commit = z.output<typeof Commit>;

export const INVOCATION_PREFIX = "FUNCTION_INVOCATION_STATUS_";

export const Invocation = z.object({
  id: z.string(),
  functionId: text,
  commitId: text,
  status: text.transform((status) => status.replace(INVOCATION_PREFIX, "")),
  input: z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? {}),
  output: z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? undefined),
  error: optionalText,
  createdAt: optionalText,
  updatedAt: optionalText,
});
export type Invocation = z.output<typeof Invocation>;

export const LogLine = z.object({
  sequence: z.number(),
  time: text,
  level: text,
  source: text,
  message: text,
});
export type LogLine = z.output<typeof LogLine>;

const TEST_PREFIX = "FUNCTION_TEST_RESULT_STATUS_";

export const TestResult = z.object({
  name: text,
  status: text.transform((status) => status.replace(TEST_PREFIX, "")),
  error: optionalText,
  assertions: z.array(z.object({
    description: text,
    operator: text,
    expected: text,
    actual: text,
    at: text,
    pass: z.boolean().nullish().transform((value) => value ?? false),
  })).nullish().transform((value) => value ?? []),
  logs: z.array(z.object({ level: text, source: text, log: text })).nullish()
    .transform((value) => value ?? []),
});
export type TestResult = z.output<typeof TestResult>;

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    list: z.array(item).nullish().transform((value) => value ?? []),
    nextPageToken: text,
  });
}
