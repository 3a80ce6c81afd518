import type { Condition } from "./cel.ts";

/** As C1 has it. */
const CONDITION_BYTES_MAX = 1024;
/** Nested brackets are slow to parse; this many of any kind may not even be there one after another. */
const BRACKETS_MAX = 128;
const REASON_CHARS_MAX = 300;

/** A condition cannot be used; the message says what is wrong, without naming the field. */
export class ConditionError extends Error {
  override name = "ConditionError";
}

/**
 * Compiles the condition of a trust: a CEL expression over `claims`.
 * @throws ConditionError
 */
export async function compileCondition(expression: string): Promise<Condition> {
  if (expression.trim() === "") {
    throw new ConditionError("must not be empty: claims.sub == '…' accepts one workload");
  }
  const bytes = new TextEncoder().encode(expression).length;
  if (bytes > CONDITION_BYTES_MAX) {
    throw new ConditionError(`has ${bytes} bytes; at most ${CONDITION_BYTES_MAX} are possible`);
  }
  const brackets = expression.match(/[([{]/g)?.length ?? 0;
  if (brackets > BRACKETS_MAX) {
    throw new ConditionError(
      `has ${brackets} opening brackets; at most ${BRACKETS_MAX} are possible`,
    );
  }
  const cel = await import("./cel.ts");
  try {
    return cel.compileCondition(expression);
  } catch (error) {
    throw new ConditionError(`is not a CEL condition: ${reasonOf(error)}`);
  }
}

/** Whether claims meet a condition, and the error of one that cannot be compiled or evaluated. */
export async function testCondition(
  expression: string,
  claims: Readonly<Record<string, unknown>>,
): Promise<{ readonly matched: boolean; readonly error: string }> {
  try {
    const value = (await compileCondition(expression)).evaluate(claims);
    return { matched: value.kind === "met", error: value.kind === "failed" ? value.reason : "" };
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return { matched: false, error: `the expression ${error.message}` };
  }
}

function reasonOf(error: unknown): string {
  // Thousands of operators without brackets also exhaust the stack.
  if (error instanceof RangeError) return "it is nested too deeply";
  const reason = error instanceof Error ? error.message : String(error);
  return reason.length > REASON_CHARS_MAX ? `${reason.slice(0, REASON_CHARS_MAX)}…` : reason;
}
