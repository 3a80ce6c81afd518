import { z } from "@hono/zod-openapi";
import type { CommitRow } from "../../store/commits.ts";
import {
  type TypeReport,
  typeReport,
  UNCHECKED_REASONS,
} from "../../domain/commits/type_checks.ts";
import { recordedLimits } from "../../domain/limits.ts";
import { limitsOut, recordedLimitsJson } from "../functions/limits.ts";
import { int32Out, textIn, timestamp } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

export const commitOut = z.object({
  id: z.string(),
  functionId: z.string(),
  message: z.string(),
  author: z.string(),
  createdAt: timestamp,
  limits: limitsOut.optional().openapi({
    description: "Settings of the function when the commit was built",
  }),
  purgedAt: timestamp.optional().openapi({
    description: "When files of the commit were purged; the commit cannot run any more",
  }),
  purgedBy: z.string().optional().openapi({
    description: "Display name of the principal who purged the files; absent if purgedAt is absent",
  }),
}).openapi("c1.api.functions.v1.FunctionCommit");

export const commitMessageIn = textIn.default("");

/** The API's form of a commit. */
export function commitJson(row: CommitRow): z.input<typeof commitOut> {
  const { id, functionId, message, author, createdAt, purgedAt, purgedBy } = row;
  return {
    id,
    functionId,
    message,
    author,
    createdAt,
    ...recordedLimitsJson(recordedLimits(row)),
    ...purgedAt === null ? {} : { purgedAt },
    ...purgedBy === null ? {} : { purgedBy },
  };
}

const diagnosticOut = z.object({
  path: z.string().optional(),
  line: int32Out.optional(),
  column: int32Out.optional(),
  message: z.string(),
});

/** What the build of a commit warns of: an addition of ours, beside the commit. */
export const warningsOut = z.array(diagnosticOut.openapi("invoked.BuildWarning")).openapi({
  description:
    "Likely mistakes in code that builds, such as a call of the module's own `fetch` instead " +
    "of the global `fetch`",
});

/** The API's form of the warnings of a commit. */
export function warningsJson({ warnings }: CommitRow): z.input<typeof warningsOut> {
  return warnings === null ? [] : JSON.parse(warnings) as z.input<typeof warningsOut>;
}

const typeDiagnosticOut = diagnosticOut.extend({
  code: z.string().optional().openapi({ description: "Code of the compiler, such as TS2322" }),
}).openapi("invoked.TypeDiagnostic");

/** What is known of a commit's types: an addition of ours, beside the commit. */
export const typeCheckOut = z.object({
  state: z.enum(
    enumWords(
      "TYPE_CHECK_STATE",
      ...["NOT_CHECKED", "PENDING", "CHECKED"] as const satisfies readonly TypeReport["state"][],
    ),
  ).openapi("invoked.TypeCheckState"),
  diagnostics: z.array(typeDiagnosticOut),
  reason: z.enum(UNCHECKED_REASONS).optional().openapi({
    description: "Why a check ended without a result; only with `TYPE_CHECK_STATE_NOT_CHECKED`",
  }),
  message: z.string().optional().openapi({
    description: "A message with the limit and its setting; present if `reason` is present",
  }),
}).openapi("invoked.TypeCheck");

/** The API's form of the report on a commit's types. */
export function typeCheckJson(row: CommitRow): z.input<typeof typeCheckOut> {
  const { state, diagnostics, ...unchecked } = typeReport(row);
  return { state: `TYPE_CHECK_STATE_${state}`, diagnostics: [...diagnostics], ...unchecked };
}
