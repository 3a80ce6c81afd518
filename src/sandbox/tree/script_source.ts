/** Scripts that may get templates, and which of their invocations start from one. */
import { createHash } from "node:crypto";
import type { InvocationConfig } from "../../runtime/wire.ts";
import type { StackMapReader } from "../../shared/stack.ts";
import type { Evaluation, SandboxJob } from "../contract.ts";

/** Decides from which template an invocation starts. */
export interface TemplateChoice {
  /** As `scriptKey` of jobs. */
  readonly key: string;
  readonly evaluation?: Evaluation | undefined;
  /** The function of the invocation, and its configuration; absent for scripts without an invocation. */
  readonly owner?: Pick<SandboxJob, "functionKey" | "config">;
}

/** The same with what a template is made of. */
export interface ScriptSource extends TemplateChoice {
  readonly script: string;
  readonly stackMap?: StackMapReader | undefined;
}

/** The choice of a job; undefined for a script that runs once. */
export function choiceOf(job: SandboxJob): TemplateChoice | undefined {
  const { scriptKey: key, evaluation, functionKey, config } = job;
  return key === undefined ? undefined : { key, evaluation, owner: { functionKey, config } };
}

const SHARED = "\0shared";

/** Names the template of a script for invocations without a configuration of their own. */
export function commonKeyOf({ key, evaluation }: TemplateChoice): string {
  return evaluation === "shared" ? key + SHARED : key;
}

/** Names the template of a script that reads its configuration while it loads: each function has another one. */
export function ownKeyOf(choice: TemplateChoice): string | undefined {
  const { owner } = choice;
  return owner && `${commonKeyOf(choice)}\0${owner.functionKey}`;
}

/** What {@link commonKeyOf} gives for a template with either key. */
export function toCommonKey(key: string): string {
  const at = key.indexOf(`${SHARED}\0`);
  return at < 0 ? key : key.slice(0, at + SHARED.length);
}

/** Differs for configurations whose values differ. Contains none of them. */
export function digestOf({ secrets, variables = {} }: InvocationConfig): string {
  const sorted = [secrets, variables].map((values) =>
    Object.entries(values).toSorted(([a], [b]) => a < b ? -1 : 1)
  );
  return createHash("sha256").update(JSON.stringify(sorted)).digest("base64");
}
