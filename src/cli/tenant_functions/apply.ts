/** Deploys to a tenant by C1's own operations. */
import { isDeepStrictEqual } from "node:util";
import { type Api, type Files, type FunctionChange, keptSecrets } from "../client/api.ts";
import { lookFor } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { changesBetween } from "../folder/changes.ts";
import { uploadCommit } from "../folder/deployment.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { withProgress } from "../terminal/progress.ts";
import { assertHead, headOf, type Plan } from "./plan.ts";
import { mayHaveHappened, Steps } from "./steps.ts";

/** What a deploy needs besides its plan. */
export interface Values {
  /** Of the plan's secrets, by name. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Message of the commit. */
  readonly message: string;
}

/** What a deploy has made. */
export interface Applied {
  readonly fn: RemoteFunction;
  readonly commitId: string;
}

/**
 * Makes the changes of a plan, in an order that never publishes what was not compared: the commit, its tag, and then the
 * settings, secrets and the published commit in one request.
 *
 * @param signal aborted by the user
 * @throws {Failure} after it has printed what was done
 */
export async function applyPlan(
  api: Api,
  plan: Plan,
  values: Values,
  signal: AbortSignal,
): Promise<Applied> {
  const steps = new Steps(signal);
  try {
    return await apply(api, plan, values, steps);
  } catch (error) {
    steps.report(error);
    throw error;
  }
}

async function apply(api: Api, plan: Plan, values: Values, steps: Steps): Promise<Applied> {
  await steps.run("reading the function", () => assertUnchanged(api, plan));
  const fn = plan.fn ?? await steps.run(
    "creating the function",
    () => api.createFunction(plan.name, plan.description),
    ({ id }) => `function ${oneLine(plan.name)} was created with the id ${id}`,
  );
  const commitId = plan.commits
    ? await commitOf(api, { ...plan, fn }, values.message, steps)
    : fn.head ?? "";
  const { tag } = plan;
  if (tag !== undefined) {
    await steps.run(
      `creating tag ${oneLine(tag)}`,
      () => api.createTag(fn, tag, commitId),
      () => `tag ${oneLine(tag)} was created`,
    );
  }
  return { fn: await update(api, plan, fn, commitId, values, steps), commitId };
}

/** @throws {Failure} for a function that somebody else has created or deployed since it was compared */
async function assertUnchanged(api: Api, { fn, name }: Plan): Promise<void> {
  if (fn !== undefined) return assertHead(api, await api.functionById(fn.id), headOf(fn));
  const created = await lookFor(api, name);
  if (created === undefined) return;
  throw new Failure(
    `Conflict: somebody else has created function ${
      oneLine(name)
    } at ${api.url}; nothing was deployed`,
    { next: "compare again without --yes" },
  );
}

/** Makes the commit, and reads it again: its files have gone through another host. */
async function commitOf(
  api: Api,
  plan: Plan & { readonly fn: RemoteFunction },
  message: string,
  steps: Steps,
): Promise<string> {
  const { fn, files } = plan;
  const commitId = await steps.run(
    "uploading the files",
    () => withProgress("Uploading", () => uploadCommit(api, fn, files, message)),
  );
  await steps.run(
    "reading the function",
    async () => assertHead(api, await api.functionById(fn.id), headOf(fn)),
  );
  await steps.run(
    `building commit ${commitId}`,
    () => withProgress("Building", () => finalize(api, fn, commitId)),
    () => `commit ${commitId} is the head`,
  );
  await steps.run(`reading commit ${commitId}`, async () => {
    assertFiles(api, commitId, files, (await api.commit(fn, commitId)).files);
    assertHead(api, await api.functionById(fn.id), commitId);
  });
  return commitId;
}

/** Finalizes a commit once. If the answer is lost, the head says whether the tenant has made the commit. */
async function finalize(api: Api, fn: RemoteFunction, commitId: string): Promise<void> {
  try {
    await api.finalize(fn, commitId);
  } catch (error) {
    if (!mayHaveHappened(error)) throw error;
    const now = await api.functionById(fn.id).catch(() => undefined);
    if (now?.head !== commitId) throw error;
  }
}

/** @throws {Failure} if a file of the folder is missing in the commit, or another one. A tenant may add files */
function assertFiles(api: Api, commitId: string, wanted: Files, found: Files): void {
  const wrong = changesBetween(wanted, found).filter(({ change }) => change !== "added");
  const [first] = wrong;
  if (first === undefined) return;
  throw new Failure(
    `Commit ${commitId} of ${api.url} is not the folder: ${
      oneLine(first.path)
    } was ${first.change} ` +
      "on the way; nothing was published",
    { next: "deploy again; if it happens again, ask the administrator of the tenant" },
  );
}

/** Sets settings, secrets and the published commit in one request. */
async function update(
  api: Api,
  plan: Plan,
  fn: RemoteFunction,
  commitId: string,
  { secrets }: Values,
  steps: Steps,
): Promise<RemoteFunction> {
  // A function that was just created has its description.
  const differing = plan.settings.filter(({ name, wanted }) =>
    !isDeepStrictEqual(wanted, fn[name])
  );
  const settings = Object.fromEntries(differing.map(({ name, wanted }) => [name, wanted]));
  const change: FunctionChange = {
    ...settings,
    ...plan.secrets.length === 0 ? {} : { secret: { ...keptSecrets(fn), ...secrets } },
    ...plan.publishes ? { publishedCommitId: commitId } : {},
  };
  if (Object.keys(change).length === 0) return fn;
  const what = plan.publishes ? "publishing the commit" : "setting the function";
  const changed = await steps.run(what, () => send(api, plan, fn, commitId, change));
  assertUpdated(api, plan, commitId, changed, Object.keys(change.secret ?? {}));
  return changed;
}

/** Sends one update. If the answer is lost, the published commit says whether the tenant has made the change. */
async function send(
  api: Api,
  { publishes }: Plan,
  fn: RemoteFunction,
  commitId: string,
  change: FunctionChange,
): Promise<RemoteFunction> {
  try {
    return await api.updateFunction(fn, change);
  } catch (error) {
    if (!publishes || !mayHaveHappened(error)) throw error;
    const now = await api.functionById(fn.id).catch(() => undefined);
    if (now?.publishedCommitId === commitId) return now;
    throw error;
  }
}

/** @throws {Failure} for an answer without what was set. Values of secrets are in no answer */
function assertUpdated(
  { url }: Api,
  { publishes }: Plan,
  commitId: string,
  changed: RemoteFunction,
  secrets: readonly string[],
): void {
  const lost = secrets.filter((name) => !changed.secret.includes(name));
  const violation = lost.length > 0
    ? `has no secret ${lost.map(oneLine).join(", ")}`
    : publishes && changed.publishedCommitId !== commitId
    ? `has published ${oneLine(changed.publishedCommitId ?? "no commit")} and not ${commitId}`
    : undefined;
  if (violation === undefined) return;
  throw new Failure(`The function at ${url} ${violation}, although the tenant accepted it`, {
    next: "compare again without --yes",
  });
}
