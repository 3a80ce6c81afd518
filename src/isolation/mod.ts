/** Isolation: see `isolation.ts`. */

export * from "./isolation.ts";
export { type Cgroup, Cgroups } from "./cgroups.ts";
export {
  chooseIsolation,
  IsolationError,
  type ProbeTarget,
  tryMode,
  type Verdict,
} from "./choose.ts";
export { type Segment, segmentsIn, SegmentType } from "./libraries.ts";
export { findMachine, findProgram, type Machine, NOBODY_ID, type Programs } from "./machine.ts";
export {
  bytesIn,
  innermost,
  processBelow,
  type ProcessStatus,
  readAllProcfs,
  readCpuMs,
  readFields,
  readProcfs,
  readThreads,
} from "./procfs.ts";
export { killOrphans } from "./orphans.ts";
export { Parts } from "./parts.ts";
export { type Part, partsOfRoot } from "./root.ts";
export { type Architecture, furtherSeccompFilter, seccompFilter } from "./seccomp.ts";
export { recommend, type Recommendation, recommendForBuilds } from "./recommendations.ts";
export { openSocketDir, othersCanEnter, type SocketDir } from "./socket_dir.ts";
export { killGroup, lowerPriority, spawnGroup } from "./spawn.ts";
export { acceptAll, UnixConnection, UnixListener } from "./unix_listener.ts";
export { NOT_JOINED } from "./wrappers.ts";
export { missingIn, missingIsolation } from "./verify.ts";
