import { nearest } from "../../config/mod.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import type { Api } from "./api.ts";
import type { RemoteFunction, Volume } from "./schemas.ts";

/** A KSUID, as all ids are. */
const ID = /^[0-9A-Za-z]{27}$/;
/** Functions or volumes that are looked through for a name. */
const MAX_CANDIDATES = 1000;

/**
 * The function that a name or an id means.
 *
 * @throws {Failure} where there is none, and where a name means several
 */
export async function findFunction(api: Api, nameOrId: string): Promise<RemoteFunction> {
  const found = await lookFor(api, nameOrId);
  if (found !== undefined) return found;
  const names = (await api.search("", MAX_CANDIDATES)).map(({ displayName }) => displayName);
  const likely = nearest(nameOrId, names);
  throw new Failure(`There is no function ${JSON.stringify(oneLine(nameOrId))} on ${api.url}`, {
    next: likely === undefined
      ? "list what there is with invoked list, or deploy it with invoked deploy"
      : `did you mean ${oneLine(likely)}? List all with invoked list`,
  });
}

/** As {@link findFunction}, but undefined where there is none. */
export async function lookFor(api: Api, nameOrId: string): Promise<RemoteFunction | undefined> {
  if (ID.test(nameOrId)) {
    const byId = await api.functionById(nameOrId);
    if (byId !== undefined) return byId;
  }
  return onlyOne("functions", nameOrId, await api.search(nameOrId, MAX_CANDIDATES));
}

/**
 * The volume that a name or an id means.
 *
 * @throws {Failure} where there is none, and where a name means several
 */
export async function findVolume({ url, volumes }: Api, nameOrId: string): Promise<Volume> {
  const byId = ID.test(nameOrId) ? await volumes.byId(nameOrId) : undefined;
  if (byId !== undefined) return byId;
  const candidates = await volumes.list(MAX_CANDIDATES);
  const found = onlyOne("volumes", nameOrId, candidates);
  if (found !== undefined) return found;
  const likely = nearest(nameOrId, candidates.map(({ displayName }) => displayName));
  throw new Failure(`There is no volume ${JSON.stringify(oneLine(nameOrId))} on ${url}`, {
    next: likely === undefined
      ? "list what there is with invoked volumes list, or make it with invoked volumes create"
      : `did you mean ${oneLine(likely)}? List all with invoked volumes list`,
  });
}

/** The id of the volume that a call attaches. An id goes to the server as it is, which may be one without names. */
export async function volumeIdOf(api: Api, nameOrId: string): Promise<string> {
  return ID.test(nameOrId) ? nameOrId : (await findVolume(api, nameOrId)).id;
}

/** @throws {Failure} where several have the name */
function onlyOne<Item extends Named>(
  kind: string,
  name: string,
  candidates: readonly Item[],
): Item | undefined {
  const [first, ...others] = candidates.filter(({ displayName }) => displayName === name);
  if (others.length === 0 || first === undefined) return first;
  const ids = [first, ...others].map(({ id, createdAt }) => `${id} (created ${createdAt ?? "?"})`);
  throw new Failure(
    `${JSON.stringify(oneLine(name))} is the name of ${ids.length} ${kind}: ${
      ids.map(oneLine).join(", ")
    }`,
    { next: "name one of them by its id" },
  );
}

interface Named {
  readonly id: string;
  readonly displayName: string;
  readonly createdAt: string | undefined;
}

/** A commit as the API names it: ids, HEAD and refs/tags/ stay; anything else is a tag. */
export function commitReference(text: string): string {
  const isReference = text === "HEAD" || text.startsWith("refs/tags/") || ID.test(text);
  return isReference ? text : `refs/tags/${text}`;
}
