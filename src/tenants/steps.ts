/** Work on large answers in steps, between which the server does other work. */
import { otherWork } from "../shared/pause.ts";

/** Answers above this size take memory from a limit, and are read in steps. */
export const LARGE_ANSWER_BYTES = 1024 * 1024;

/** Lets the server do other work before the next step with a text or its bytes, if these are large. */
export async function nextStep({ length }: { readonly length: number }): Promise<void> {
  if (length > LARGE_ANSWER_BYTES) await otherWork();
}
