import { z } from "@hono/zod-openapi";
import type { CommitRow } from "../../store/commits.ts";
import { textIn, timestamp } from "./primitives.ts";

export const commitOut = z.object({
  id: z.string(),
  functionId: z.string(),
  message: z.string(),
  author: z.string(),
  createdAt: timestamp,
}).openapi("c1.api.functions.v1.FunctionCommit");

export const commitMessageIn = textIn.default("");

/** The API's form of a commit. */
export function commitJson(row: CommitRow): z.input<typeof commitOut> {
  const { id, functionId, message, author, createdAt } = row;
  return { id, functionId, message, author, createdAt };
}
