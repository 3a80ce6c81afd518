/**
 * Each part of a cluster pauses and dies, alone and in pairs. Pauses last longer than a lease, and so does the absence of
 * killed servers of NATS and PostgreSQL. Killed API nodes, workers and haproxy start again at once.
 */
import type { Faults } from "../injection.ts";
import type { ClusterContext } from "./faults.ts";
import { type Kind, type Part, stopParts } from "./parts.ts";

/** Longer than a lease and a session without a sign of life, which both end after 8 s. */
const AWAY_S = 10;
const LONG_AWAY_S = 30;
const MS_PER_S = 1_000;

/** Parts that fail together. */
interface Group {
  readonly name: string;
  readonly parts: readonly Part[];
  readonly isTakenOver: boolean;
}

/**
 * The faults of parts by their names, and the names of the faults during which other parts take over.
 * @param kinds of a cluster; parts of the first also pause for longer
 */
export function partFaults(kinds: readonly Kind[], next: (below: number) => number): {
  readonly faults: Faults<ClusterContext>;
  readonly takenOver: ReadonlySet<string>;
} {
  const faults: Record<string, () => Promise<void>> = {};
  const takenOver = new Set<string>();
  const add = (name: string, { isTakenOver }: Group, fault: () => Promise<void>) => {
    faults[name] = fault;
    if (isTakenOver) takenOver.add(name);
  };
  for (const group of groupsOf(kinds, next)) {
    const { name, parts } = group;
    add(`SIGSTOP of ${name} for ${AWAY_S} s`, group, () => stopParts(parts, AWAY_S * MS_PER_S));
    add(`kill -9 of ${name}`, group, async () => {
      await Promise.all(parts.map((part) => part.kill(AWAY_S * MS_PER_S)));
    });
  }
  const long = groupOf(kinds.slice(0, 1), next);
  const name = `SIGSTOP of ${long.name} for ${LONG_AWAY_S} s`;
  add(name, long, () => stopParts(long.parts, LONG_AWAY_S * MS_PER_S));
  return { faults, takenOver };
}

/** Each kind alone, and each pair of kinds. */
function groupsOf(kinds: readonly Kind[], next: (below: number) => number): Group[] {
  const pairs = kinds.flatMap((kind, at) => kinds.slice(at).map((other) => [kind, other]));
  return [...kinds.map((kind) => [kind]), ...pairs]
    .filter((group) => group.every((kind) => kind.parts.length >= countIn(group, kind)))
    .map((group) => groupOf(group, next));
}

/** One part of each kind in the list; two of a kind that is twice in it. */
function groupOf(list: readonly Kind[], next: (below: number) => number): Group {
  const kinds = [...new Set(list)];
  const parts = kinds.flatMap((kind) => {
    const left = [...kind.parts];
    return Array.from({ length: countIn(list, kind) }, () => left.splice(next(left.length), 1))
      .flat();
  });
  const names = kinds.map((kind) => countIn(list, kind) === 2 ? kind.two : kind.one);
  const isTakenOver = kinds.every((kind) => countIn(list, kind) <= kind.spare);
  return { name: names.join(" and "), parts, isTakenOver };
}

function countIn(list: readonly Kind[], kind: Kind): number {
  return list.filter((other) => other === kind).length;
}
