/** Reads what a zygote has open, from outside: a zygote sees no `/proc`. */
import { innermost, listDescriptors } from "../../isolation/mod.ts";
import type { Descriptors } from "../../runtime/fork/wire.ts";

/** A line of `ls -l` on `/proc/PID/fd`. */
const LINE = / (\d+) -> (.*)$/;
const EPOLL = "anon_inode:[eventpoll]";
const EVENTFD = "anon_inode:[eventfd]";

/** A zygote behind its wrappers, and what it has open. */
interface Inspected {
  readonly pid: number;
  readonly descriptors: Descriptors;
}

/** @param pid of the spawned process, which may be a wrapper */
export async function inspectZygote(pid: number): Promise<Inspected> {
  const zygote = await innermost(pid);
  if (zygote === undefined) throw new Error(`Cannot find the zygote below process ${pid}`);
  return { pid: zygote.pid, descriptors: classify(await listDescriptors(zygote.pid)) };
}

/** Sorts the descriptors in a listing by what they are. */
function classify(listing: string): Descriptors {
  const links = new Map<number, string>();
  for (const line of listing.split("\n")) {
    const match = LINE.exec(line);
    if (match !== null) links.set(Number(match[1]), match[2] ?? "");
  }
  const numbersOf = (target: string | undefined) =>
    [...links].filter(([, link]) => link === target).map(([descriptor]) => descriptor);
  const known = {
    stdin: numbersOf(links.get(0)),
    stdout: numbersOf(links.get(1)),
    stderr: numbersOf(links.get(2)),
    epolls: numbersOf(EPOLL),
    eventfds: numbersOf(EVENTFD),
  };
  for (const [name, numbers] of Object.entries(known)) {
    if (numbers.length === 0) throw new Error(`Cannot fork: the zygote has no ${name}`);
  }
  const named = new Set(Object.values(known).flat());
  return { ...known, others: [...links.keys()].filter((descriptor) => !named.has(descriptor)) };
}
