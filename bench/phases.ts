/** Where the time of an invocation goes: the phases of its record, and its messages between API node and worker. */
import { decodeFrame, FrameKind } from "../src/cluster/link/frames.ts";
import { MessageType } from "../src/cluster/link/messages.ts";
import { Nats, type NatsOptions, type ReceivedMessage } from "../src/cluster/nats/connection.ts";
import { partsOf } from "../src/cluster/nats/subjects.ts";
import type { Invoked } from "./invoked.ts";
import { type Call, pause } from "./load.ts";
import { median } from "./statistics.ts";

/** Median durations in milliseconds by name, in the order of the phases. */
export type Phases = ReadonlyMap<string, number>;

/** The phases of the newest records of a function. */
export async function recordedPhases(
  invoked: Invoked,
  functionId: string,
  count: number,
): Promise<Phases> {
  const path = `/api/v1/functions/${functionId}/invocations?pageSize=${count}`;
  const { list } = await invoked.get(path);
  const samples = new Samples();
  for (const { phases } of list) {
    for (const { name, duration } of phases) samples.add(name, 1000 * parseFloat(duration));
  }
  return samples.medians;
}

/** What an invocation passes on its way, in this order unless the worker accepts before the row is written. */
const MOMENTS = ["request", "offer", "accepted", "job", "outcome", "answer"] as const;
type Moment = typeof MOMENTS[number];

/** The phases between the messages of invocations, one after another, as a client of NATS sees them. */
export async function wirePhases(
  options: NatsOptions,
  count: number,
  pauseMs: number,
  call: Call,
): Promise<Phases> {
  await using nats = await Nats.connect(options, "bench");
  const times = new Map<Moment, number>();
  const note = (moment: Moment | undefined) => {
    if (moment !== undefined && !times.has(moment)) times.set(moment, performance.now());
  };
  using _ = nats.subscribe("invoked.v1.>", (message) => note(momentOf(message)));
  await nats.flushed();
  const samples = new Samples();
  for (let n = 0; n < count; n++) {
    times.clear();
    note("request");
    await call();
    note("answer");
    // Messages to this client may be late.
    await pause(pauseMs);
    for (const [at, to] of MOMENTS.slice(1).entries()) {
      const from = MOMENTS[at] as Moment;
      const [begun, ended] = [times.get(from), times.get(to)];
      if (begun !== undefined && ended !== undefined) {
        samples.add(`${from} to ${to}`, ended - begun);
      }
    }
  }
  return samples.medians;
}

export function format(phases: Phases): string {
  return [...phases].map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(", ");
}

function momentOf({ subject, bytes }: ReceivedMessage): Moment | undefined {
  const [sender, , kind] = partsOf(subject);
  if (sender === "worker" && kind === "offer") return "offer";
  if (sender !== "from" && kind !== "run") return undefined;
  const frame = decodeFrame(bytes);
  if (frame?.kind !== FrameKind.CHUNK) return undefined;
  switch (frame.chunk.head?.type) {
    case MessageType.ACCEPTED:
      return "accepted";
    case MessageType.JOB:
      return "job";
    case MessageType.OUTCOME:
      return "outcome";
    default:
      return undefined;
  }
}

class Samples {
  readonly #byName = new Map<string, number[]>();

  add(name: string, ms: number): void {
    const samples = this.#byName.get(name);
    if (samples === undefined) this.#byName.set(name, [ms]);
    else samples.push(ms);
  }

  get medians(): Phases {
    return new Map([...this.#byName].map(([name, samples]) => [name, median(samples)]));
  }
}
