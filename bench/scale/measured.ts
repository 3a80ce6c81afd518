import { describeMachine, loadAverage, type Machine } from "../machine.ts";
import { type InvocationTimes, measureInvocations } from "./invocations.ts";
import { measureNats, type NatsTimes } from "./nats.ts";
import { measurePostgres, type PostgresTimes } from "./postgres.ts";

/** What was measured, and on what. */
export interface Measured {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly loadBefore: string;
  readonly loadAfter: string;
  readonly nats: NatsTimes;
  readonly postgres: PostgresTimes;
  readonly calls: InvocationTimes;
}

/** Measures on this machine, one part after the other. */
export async function measure(isQuick: boolean): Promise<Measured> {
  const directory = await Deno.makeTempDir({ prefix: "invoked-scale-" });
  try {
    const startedAt = new Date().toISOString();
    const loadBefore = loadAverage();
    console.error("NATS");
    const nats = await measureNats(directory, isQuick);
    console.error("PostgreSQL");
    const postgres = await measurePostgres(directory, isQuick);
    console.error("calls");
    const calls = await measureInvocations(isQuick);
    const machine = describeMachine();
    return { startedAt, machine, loadBefore, loadAfter: loadAverage(), nats, postgres, calls };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
