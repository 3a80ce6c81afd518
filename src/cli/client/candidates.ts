/** Chooses the thing that a name, an id, or the start of an id means among candidates. */
import { nearest } from "../../config/mod.ts";
import { Failure, type FailureOptions, oneLine } from "../terminal/failure.ts";

/** A KSUID, as all ids are. */
const ID = /^[0-9A-Za-z]{27}$/;
/** The start of an id, which is the second in which it was made; an id of another second differs in it. */
export const ID_PREFIX = /^[0-9A-Za-z]{6,26}$/;
/** Candidates that an error lists. */
export const MAX_LISTED = 10;

/** Whether a text has the form of an id. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** What is searched, for messages. */
interface Kind {
  /** Such as `Service principal`. */
  readonly noun: string;
  /** Such as `service principals`. */
  readonly plural: string;
  /** The command that lists them. */
  readonly list: string;
  /** The server that has them. */
  readonly url: string;
}

/** Fewest characters of an id that mean a candidate. */
const PREFIX_CHARS_MIN = 6;

/** All candidates that have a name among their texts, or else those whose id begins with it. */
export function allNamed<Item extends { readonly id: string }>(
  candidates: readonly Item[],
  name: string,
  textsOf: (candidate: Item) => readonly string[],
): readonly Item[] {
  const named = candidates.filter((candidate) => textsOf(candidate).includes(name));
  if (named.length > 0 || name.length < PREFIX_CHARS_MIN) return named;
  return candidates.filter(({ id }) => id.startsWith(name));
}

/**
 * The candidate of a name, an id, or the start of an id.
 *
 * @throws {Failure} for an unknown one, and for a name or start of several
 */
export function oneAmong<Item extends Candidate & { readonly displayName: string }>(
  { noun, plural, list, url }: Kind,
  nameOrId: string,
  candidates: readonly Item[],
): Item {
  const found = candidates.find(({ id }) => id === nameOrId) ??
    oneNamed(plural, nameOrId, candidates) ?? oneThatBegins(plural, nameOrId, candidates);
  if (found !== undefined) return found;
  const likely = nearest(nameOrId, candidates.map(({ displayName }) => displayName));
  const what = `${noun} ${JSON.stringify(oneLine(nameOrId))} not found`;
  const next = `list the ${plural} with ${list}`;
  throw new Failure(`${what}: ${url} has none with this name or id`, {
    next: likely === undefined ? next : `did you mean ${oneLine(likely)}? Or ${next}`,
  });
}

/** @throws {Failure} for a name of several */
export function oneNamed<Item extends Candidate>(
  kind: string,
  name: string,
  candidates: readonly Item[],
): Item | undefined {
  const named = candidates.filter(({ displayName }) => displayName === name);
  return onlyOne(`${kind} with the name ${JSON.stringify(oneLine(name))}`, named, {
    next: "use the id instead of the name",
  });
}

/** The item whose id begins with a text. @throws {Failure} for several */
export function oneThatBegins<Item extends Candidate>(
  kind: string,
  start: string,
  candidates: readonly Item[],
): Item | undefined {
  const begun = ID.test(start) || ID_PREFIX.test(start)
    ? candidates.filter(({ id }) => id.startsWith(start))
    : [];
  return onlyOne(`${kind} whose id begins with ${start}`, begun, {
    next: "write more characters of the id",
  });
}

function onlyOne<Item extends Candidate>(
  what: string,
  [first, ...others]: readonly Item[],
  options: FailureOptions,
): Item | undefined {
  if (first === undefined || others.length === 0) return first;
  const shown = [first, ...others].slice(0, MAX_LISTED).map(describeCandidate);
  const more = others.length + 1 > shown.length ? " and more" : "";
  throw new Failure(`There are several ${what}: ${shown.join(", ")}${more}`, options);
}

interface Candidate {
  readonly id: string;
  readonly displayName?: string;
  /** The message of a commit. */
  readonly message?: string;
  /** The status of an invocation. */
  readonly status?: string;
  readonly createdAt: string | undefined;
}

function describeCandidate({ id, displayName, message, status, createdAt }: Candidate): string {
  const details = [displayName, status, message].filter(Boolean);
  return oneLine(`${id} (${[...details, `created ${createdAt ?? "?"}`].join(", ")})`);
}
