/** Checks the chain of the audit log from its base to its head. */
import { setImmediate } from "node:timers/promises";
import { formatCount } from "../../config/mod.ts";
import { type AuditEventRow, type AuditHead, chainHash, verbOf } from "../../store/audit.ts";
import type { Readers } from "../../store/mod.ts";

/** Events that are read at once. */
const BATCH = 500;
/** Findings that are reported; a check ends with the last of them. */
const FINDINGS_MAX = 100;

/** What is wrong with one event. */
export interface Finding {
  readonly kind: "changed" | "missing" | "reordered" | "inserted" | "cut";
  /** `metadata.uid` of the event; empty if nothing names it any more. */
  readonly eventUid: string;
  /** Its position in the chain. */
  readonly sequence: number;
  /** For people. */
  readonly description: string;
}

/** The result of a check. */
export interface Verification {
  readonly head: AuditHead;
  /** Events that were read. */
  readonly events: number;
  readonly findings: readonly Finding[];
}

/** An event that was read. */
interface Read {
  readonly uid: string;
  readonly seq: number;
  readonly hash: string;
}

/** What a check reads. */
interface AuditRead {
  readonly read: Pick<Readers, "audit">;
}

/** One check at a time: each reads the whole log. */
export class AuditVerification {
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly store: AuditRead) {}

  /**
   * Checks the whole chain.
   * @param noted a hash that was the head once: a chain without it was cut or replaced since
   * @param signal ends the check
   */
  async run(noted: string | undefined, signal: AbortSignal): Promise<Verification> {
    const check = this.#last.then(() => new Check(this.store, noted, signal).run());
    this.#last = check.catch(() => {});
    return await check;
  }
}

class Check {
  readonly #findings: Finding[] = [];
  /** Hashes of reordered events, by the positions that they had. */
  readonly #displaced = new Map<number, string>();
  #events = 0;
  #isNotedFound: boolean;
  /** Rows that were inserted so far: they moved the rows after them. */
  #shift = 0;
  /** The last event, and the event before it. */
  #last: Read = { uid: "", seq: 0, hash: "" };
  #before: Read = this.#last;
  /** Whether the last event says that it belongs where it is. */
  #isLastInPosition = false;

  constructor(
    private readonly store: AuditRead,
    private readonly noted: string | undefined,
    private readonly signal: AbortSignal,
  ) {
    this.#isNotedFound = noted === undefined;
  }

  async run(): Promise<Verification> {
    const { audit } = this.store.read;
    const head = await audit.head();
    this.#read({ uid: "", seq: head.baseSeq, hash: head.baseHash });
    for (;;) {
      this.signal.throwIfAborted();
      const rows = await audit.after(this.#last.seq, BATCH);
      // Other requests run between two batches, however fast the database answers.
      await setImmediate();
      for (const row of rows) {
        if (row.seq - this.#shift > head.seq && !this.#followsInserted(row)) break;
        await this.#event(row);
      }
      if (this.#last.seq !== rows.at(-1)?.seq || this.#isFull) break;
    }
    if (!this.#isFull) await this.#end(head);
    return { head, events: this.#events, findings: this.#findings.slice(0, FINDINGS_MAX) };
  }

  get #isFull(): boolean {
    return this.#findings.length >= FINDINGS_MAX;
  }

  /** Checks one event against the event before. */
  async #event(row: AuditEventRow): Promise<void> {
    const said = saidIn(row.event);
    if (row.seq > this.#last.seq + 1) await this.#gap(row, said.previous);
    this.#events++;
    if (this.#followsInserted(row, said)) {
      const { uid, seq } = this.#last;
      this.#find("inserted", uid, seq, "another event has its position in the chain");
      this.#shift++;
      this.#last = { ...this.#before, seq };
    }
    const problem = this.#problemOf(row, said);
    if (problem?.kind === "reordered") this.#displaced.set(said.sequence ?? 0, row.hash);
    if (problem !== undefined) {
      this.#find(problem.kind, said.uid ?? row.uid, row.seq, problem.description);
    }
    this.#read(row);
    this.#isLastInPosition = problem?.kind !== "reordered";
  }

  /** Whether the event follows not the last, but the event before that: then the last was put between them. */
  #followsInserted(row: AuditEventRow, said = saidIn(row.event)): boolean {
    return this.#isLastInPosition && said.sequence === row.seq - this.#shift - 1 &&
      said.previous === this.#before.uid;
  }

  #problemOf(
    row: AuditEventRow,
    said: Said,
  ): Pick<Finding, "kind" | "description"> | undefined {
    const sequence = row.seq - this.#shift;
    if (said.sequence !== undefined && said.sequence !== sequence) {
      return { kind: "reordered", description: `it was written as event ${said.sequence}` };
    }
    const { uid, hash } = this.#last;
    const previous = this.#displaced.get(sequence - 1) ?? hash;
    if (previous !== UNKNOWN && row.hash !== chainHash(previous, row.event)) {
      const before = uid === "" ? "what was before it" : `the event before it, ${uid}`;
      return { kind: "changed", description: `its hash does not cover its text and ${before}` };
    }
    const isRepeated = said.uid === row.uid && said.time === Date.parse(row.time) &&
      said.classUid === row.classUid && said.actor === row.actor &&
      said.actorName === row.actorName && said.operation === row.operation &&
      verbOf(row.operation) === row.verb;
    return isRepeated
      ? undefined
      : { kind: "changed", description: "its columns differ from its text" };
  }

  /** Events are missing before this one, unless retention has erased them meanwhile. */
  async #gap(row: AuditEventRow, previous: string | undefined): Promise<void> {
    const { baseSeq, baseHash } = await this.store.read.audit.head();
    if (baseSeq > this.#last.seq) this.#read({ uid: "", seq: baseSeq, hash: baseHash });
    const seq = row.seq - 1;
    const count = seq - this.#last.seq;
    if (count <= 0) return;
    this.#find("missing", previous ?? "", seq, `${removed(count)}`);
    // Without the event before, the hash of this event proves nothing.
    this.#read({ uid: previous ?? "", seq, hash: UNKNOWN });
  }

  /** Checks the end of the chain, and what is beyond both ends. */
  async #end(head: AuditHead): Promise<void> {
    const { audit } = this.store.read;
    const last = this.#last.seq - this.#shift;
    if (last < head.seq) {
      this.#find("missing", head.uid, head.seq, `${removed(head.seq - last)} from the end`);
    } else if (this.#last.hash !== head.hash && this.#last.hash !== UNKNOWN) {
      this.#find("changed", head.uid, head.seq, "its hash is not the head of the chain");
    }
    const [beyond] = await audit.after(this.#last.seq, 1);
    const current = await audit.head();
    if (beyond !== undefined && beyond.seq > current.seq) {
      const description = `the chain ends with event ${current.seq}`;
      this.#find("inserted", beyond.uid, beyond.seq, description);
    }
    const [first] = await audit.after(Number.MIN_SAFE_INTEGER, 1);
    if (first !== undefined && first.seq <= head.baseSeq) {
      this.#find("inserted", first.uid, first.seq, "the chain begins after it");
    }
    if (this.#isNotedFound) return;
    const description = "no event has the noted hash: the chain was cut or replaced since, or " +
      `retention has erased the event (it has erased all up to event ${head.baseSeq})`;
    this.#find("cut", "", head.seq, description);
  }

  #read({ uid, seq, hash }: Read): void {
    this.#before = this.#last;
    this.#last = { uid, seq, hash };
    if (hash === this.noted) this.#isNotedFound = true;
  }

  #find(kind: Finding["kind"], eventUid: string, sequence: number, description: string): void {
    this.#findings.push({ kind, eventUid, sequence, description });
  }
}

/** The hash of an event that is missing. */
const UNKNOWN = "";

function removed(count: number): string {
  return count === 1 ? "it was removed" : `it and ${formatCount(count - 1)} before it were removed`;
}

/** What an event says of itself; fields that it does not have are undefined. */
interface Said {
  readonly uid: string | undefined;
  readonly sequence: number | undefined;
  readonly previous: string | undefined;
  readonly time: number | undefined;
  readonly classUid: number | undefined;
  readonly operation: string | undefined;
  readonly actor: string;
  readonly actorName: string;
}

function saidIn(text: string): Said {
  const event = parsed(text);
  const metadata = objectIn(event["metadata"]);
  const api = objectIn(event["api"]);
  const user = objectIn(event["user"] ?? objectIn(event["actor"])["user"]);
  const activity = textIn(event["activity_name"]);
  return {
    uid: textIn(metadata["uid"]),
    sequence: numberIn(metadata["sequence"]),
    previous: textIn(objectIn(event["unmapped"])["previous_event_uid"]),
    time: numberIn(event["time"]),
    classUid: numberIn(event["class_uid"]),
    operation: textIn(api["operation"]) ?? (activity && `authentication.${activity}`),
    actor: textIn(user["uid"]) ?? "",
    actorName: textIn(user["name"]) ?? "",
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(text: string): Fields {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return {};
  }
}

function objectIn(value: unknown): Fields {
  return typeof value === "object" && value !== null ? value as Fields : {};
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
