import { nearest } from "../../config/mod.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { quoteForShell } from "../terminal/shell.ts";
import type { Api } from "./api.ts";
import { needsAddition } from "./api_error.ts";
import { ID_PREFIX, isId, MAX_LISTED, oneNamed, oneThatBegins } from "./candidates.ts";
import { ALL_FUNCTIONS, type Invocation, type RemoteFunction, type Volume } from "./schemas.ts";

/** Number of functions, volumes or commits among which a name is searched. */
const MAX_CANDIDATES = 1000;

/**
 * The function of a name, an id, or the start of an id.
 *
 * @throws {Failure} for an unknown function, and for a name or start of several functions
 */
export async function findFunction(api: Api, nameOrId: string): Promise<RemoteFunction> {
  const found = await lookFor(api, nameOrId);
  if (found !== undefined) return found;
  const candidates = await api.search("", MAX_CANDIDATES);
  const begun = oneThatBegins("functions", nameOrId, candidates);
  if (begun !== undefined) return begun;
  const likely = nearest(nameOrId, candidates.map(({ displayName }) => displayName));
  const what = `Function ${JSON.stringify(oneLine(nameOrId))} not found`;
  const list = api.session.transport.isTenant
    ? "invoked list --profile and the profile of the tenant"
    : "invoked list";
  throw new Failure(`${what}: ${api.url} has no function with this name or id`, {
    next: likely === undefined
      ? `list the functions with ${list}, or deploy it with invoked deploy`
      : `did you mean ${oneLine(likely)}? List the functions with ${list}`,
  });
}

/** The function of a name or id; undefined for an unknown function. */
export async function lookFor(api: Api, nameOrId: string): Promise<RemoteFunction | undefined> {
  if (isId(nameOrId)) {
    const byId = await api.functionById(nameOrId);
    if (byId !== undefined) return byId;
  }
  const named = oneNamed("functions", nameOrId, await api.search(nameOrId, MAX_CANDIDATES));
  if (named !== undefined) api.session.names.remember(named);
  return named;
}

/**
 * The volume of a name, an id, or the start of an id.
 *
 * @throws {Failure} for an unknown volume, and for a name or start of several volumes
 */
export async function findVolume(api: Api, nameOrId: string): Promise<Volume> {
  const { url, volumes, session } = api;
  const byId = isId(nameOrId) ? await volumes.byId(nameOrId) : undefined;
  if (byId !== undefined) return byId;
  const candidates = await volumes.list(MAX_CANDIDATES);
  const named = oneNamed("volumes", nameOrId, candidates);
  if (named !== undefined) session.names.remember(named);
  const found = named ?? oneThatBegins("volumes", nameOrId, candidates);
  if (found !== undefined) return found;
  const likely = nearest(nameOrId, candidates.map(({ displayName }) => displayName));
  const what = `Volume ${JSON.stringify(oneLine(nameOrId))} not found`;
  throw new Failure(`${what}: ${url} has no volume with this name or id`, {
    next: likely === undefined
      ? `list the volumes with invoked volumes list, or create it with invoked volumes create ${
        quoteForShell(oneLine(nameOrId))
      }`
      : `did you mean ${oneLine(likely)}? List the volumes with invoked volumes list`,
  });
}

/** The id of the volume that an invocation attaches. An id is sent unchanged: the server may not list volumes. */
export async function volumeIdOf(api: Api, nameOrId: string): Promise<string> {
  return isId(nameOrId) ? nameOrId : (await findVolume(api, nameOrId)).id;
}

/** The name and id of the volume of an id; the id alone if the server no longer has it. */
export async function describeVolume(api: Api, id: string): Promise<string> {
  const volume = await api.volumes.byId(id);
  return volume === undefined ? id : `${oneLine(volume.displayName)} (${id})`;
}

/** Names the newest invocation. */
export const LATEST_INVOCATION = "latest";

/** The invocation of an id, of the start of an id, or of {@link LATEST_INVOCATION}. */
export async function findInvocation(
  api: Api,
  fn: RemoteFunction,
  id: string = LATEST_INVOCATION,
): Promise<Invocation> {
  if (ID_PREFIX.test(id) && id !== LATEST_INVOCATION) {
    return await invocationThatBegins(api, fn, id);
  }
  if (isId(id)) return await api.invocation(fn, id);
  if (id !== LATEST_INVOCATION) throw noId(id);
  const [newest] = await api.invocations(fn, {}, 1);
  if (newest !== undefined) return newest;
  throw new Failure(`Function ${fn.displayName} has no invocations`, {
    next: "invoke it with invoked invoke",
  });
}

/** The invocation of an id, or of the start of an id, of any function. */
export async function findAnyInvocation(api: Api, id: string): Promise<Invocation> {
  if (isId(id) || ID_PREFIX.test(id)) return await invocationThatBegins(api, ALL_FUNCTIONS, id);
  throw noId(id);
}

function noId(text: string): Failure {
  return new UsageFailure(`${JSON.stringify(oneLine(text))} is not the id of an invocation`, {
    next: "name an id, or at least its first 6 characters; list them with invoked history",
  });
}

async function invocationThatBegins(
  api: Api,
  fn: Pick<RemoteFunction, "id" | "displayName">,
  idPrefix: string,
): Promise<Invocation> {
  const found = await needsAddition(
    "the search of invocations",
    api.invocations(fn, { idPrefix }, MAX_LISTED + 1),
  );
  const invocation = oneThatBegins("invocations", idPrefix, found);
  if (invocation !== undefined) return invocation;
  throw new Failure(
    `Invocation ${idPrefix} not found in the history of ${fn.displayName}`,
    { next: "list them with invoked history" },
  );
}

/**
 * The reference of a commit for the API. HEAD, refs/tags/ and ids are used unchanged. Any other text is a tag, or the
 * start of an id.
 *
 * @throws {Failure} for a text that is neither
 */
export async function findCommit(api: Api, fn: RemoteFunction, text: string): Promise<string> {
  if (text === "HEAD" || text.startsWith("refs/tags/") || isId(text)) return text;
  if ((await api.tags(fn)).has(text)) return `refs/tags/${text}`;
  const begun = ID_PREFIX.test(text)
    ? oneThatBegins("commits", text, await api.commits(fn, MAX_CANDIDATES, text))
    : undefined;
  if (begun !== undefined) return begun.id;
  const what = `Commit ${JSON.stringify(oneLine(text))} of ${fn.displayName} not found`;
  throw new Failure(`${what}: no tag has this name, and no id of a commit begins with this text`, {
    next: "list commits and tags with invoked show; an id needs its first 6 characters or more",
  });
}
