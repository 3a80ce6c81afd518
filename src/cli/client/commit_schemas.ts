/** The fields of commits that the command line reads. */
import { z } from "zod";
import { listOf, optionalText, text } from "./fields.ts";

/** What loading the script of a commit showed: an addition to C1's API. */
export const LoadReport = z.object({
  state: text,
  start: optionalText,
  loadTime: optionalText,
  readings: listOf(z.object({
    position: text,
    called: text,
    functionName: optionalText,
    advice: text,
  })),
  error: optionalText,
  advice: optionalText,
});
export type LoadReport = z.output<typeof LoadReport>;

export const Commit = z.object({
  id: z.string(),
  message: text,
  author: text,
  createdAt: optionalText,
  /** When files of it were purged: it cannot run any more. An addition to C1's API. */
  purgedAt: optionalText,
});
export type Commit = z.output<typeof Commit>;

const TYPE_CHECK_PREFIX = "TYPE_CHECK_STATE_";

/** Diagnostics of a commit: an addition to C1's API. */
export const Diagnostics = listOf(z.object({
  path: z.string().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
  message: text,
}));
export type Diagnostics = z.output<typeof Diagnostics>;

/** The type check of a commit: an addition to C1's API. */
export const TypeCheck = z.object({
  state: text.transform((state) => state.replace(TYPE_CHECK_PREFIX, "")),
  diagnostics: Diagnostics,
  reason: optionalText,
  message: optionalText,
});
export type TypeCheck = z.output<typeof TypeCheck>;
