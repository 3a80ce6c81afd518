import { nearest } from "../../config/mod.ts";
import { Failure, oneLine } from "../failure.ts";
import type { Api } from "./api.ts";
import type { RemoteFunction } from "./schemas.ts";

/** A KSUID, as all ids are. */
const ID = /^[0-9A-Za-z]{27}$/;
/** Functions that are looked through for a name. */
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
  const candidates = await api.search(nameOrId, MAX_CANDIDATES);
  const [first, ...others] = candidates.filter(({ displayName }) => displayName === nameOrId);
  if (others.length === 0 || first === undefined) return first;
  const ids = [first, ...others].map(({ id, createdAt }) => `${id} (created ${createdAt ?? "?"})`);
  throw new Failure(
    `${JSON.stringify(oneLine(nameOrId))} is the name of ${ids.length} functions: ${
      ids.map(oneLine).join(", ")
    }`,
    { next: "name one of them by its id" },
  );
}

/** A commit as the API names it: ids, HEAD and refs/tags/ stay; anything else is a tag. */
export function commitReference(text: string): string {
  const isReference = text === "HEAD" || text.startsWith("refs/tags/") || ID.test(text);
  return isReference ? text : `refs/tags/${text}`;
}
