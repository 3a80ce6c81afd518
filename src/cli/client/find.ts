import { nearest } from "../../config/mod.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import type { Api } from "./api.ts";
import type { Invocation, RemoteFunction, Volume } from "./schemas.ts";

/** A KSUID, as all ids are. */
const ID = /^[0-9A-Za-z]{27}$/;
/** Functions or volumes that are searched for a name. */
const MAX_CANDIDATES = 1000;

/**
 * The function of a name or id.
 *
 * @throws {Failure} for an unknown one, and for a name of several functions
 */
export async function findFunction(api: Api, nameOrId: string): Promise<RemoteFunction> {
  const found = await lookFor(api, nameOrId);
  if (found !== undefined) return found;
  const names = (await api.search("", MAX_CANDIDATES)).map(({ displayName }) => displayName);
  const likely = nearest(nameOrId, names);
  const what = `Cannot find function ${JSON.stringify(oneLine(nameOrId))}`;
  throw new Failure(`${what}: ${api.url} has none with this name or id`, {
    next: likely === undefined
      ? "list the functions with invoked list, or deploy it with invoked deploy"
      : `did you mean ${oneLine(likely)}? List the functions with invoked list`,
  });
}

/** As {@link findFunction}, but undefined for an unknown one. */
export async function lookFor(api: Api, nameOrId: string): Promise<RemoteFunction | undefined> {
  if (ID.test(nameOrId)) {
    const byId = await api.functionById(nameOrId);
    if (byId !== undefined) return byId;
  }
  return onlyOne("functions", nameOrId, await api.search(nameOrId, MAX_CANDIDATES));
}

/**
 * The volume of a name or id.
 *
 * @throws {Failure} for an unknown one, and for a name of several volumes
 */
export async function findVolume({ url, volumes }: Api, nameOrId: string): Promise<Volume> {
  const byId = ID.test(nameOrId) ? await volumes.byId(nameOrId) : undefined;
  if (byId !== undefined) return byId;
  const candidates = await volumes.list(MAX_CANDIDATES);
  const found = onlyOne("volumes", nameOrId, candidates);
  if (found !== undefined) return found;
  const likely = nearest(nameOrId, candidates.map(({ displayName }) => displayName));
  const what = `Cannot find volume ${JSON.stringify(oneLine(nameOrId))}`;
  throw new Failure(`${what}: ${url} has none with this name or id`, {
    next: likely === undefined
      ? "list the volumes with invoked volumes list, or create it with invoked volumes create"
      : `did you mean ${oneLine(likely)}? List the volumes with invoked volumes list`,
  });
}

/** The id of the volume that a call attaches. An id is sent unchanged: the server may have no list of volumes. */
export async function volumeIdOf(api: Api, nameOrId: string): Promise<string> {
  return ID.test(nameOrId) ? nameOrId : (await findVolume(api, nameOrId)).id;
}

/** Names the newest invocation. */
export const LATEST_INVOCATION = "latest";

/** The invocation of an id or of {@link LATEST_INVOCATION}. */
export async function findInvocation(
  api: Api,
  fn: RemoteFunction,
  id: string = LATEST_INVOCATION,
): Promise<Invocation> {
  if (id !== LATEST_INVOCATION) return await api.invocation(fn, id);
  const [newest] = await api.invocations(fn, {}, 1);
  if (newest !== undefined) return newest;
  throw new Failure(`Cannot find an invocation of ${fn.displayName}: it was never invoked`, {
    next: "invoke it with invoked invoke",
  });
}

/** @throws {Failure} for a name of several */
function onlyOne<Item extends Named>(
  kind: string,
  name: string,
  candidates: readonly Item[],
): Item | undefined {
  const [first, ...others] = candidates.filter(({ displayName }) => displayName === name);
  if (others.length === 0 || first === undefined) return first;
  const ids = [first, ...others].map(({ id, createdAt }) => `${id} (created ${createdAt ?? "?"})`);
  throw new Failure(
    `Cannot choose one of ${ids.length} ${kind} with the name ${JSON.stringify(oneLine(name))}: ` +
      ids.map(oneLine).join(", "),
    { next: "use the id instead of the name" },
  );
}

interface Named {
  readonly id: string;
  readonly displayName: string;
  readonly createdAt: string | undefined;
}

/** A commit reference of the API: ids, HEAD and refs/tags/ are used unchanged; any other text is a tag. */
export function commitReference(text: string): string {
  const isReference = text === "HEAD" || text.startsWith("refs/tags/") || ID.test(text);
  return isReference ? text : `refs/tags/${text}`;
}
