import type { AuditedWrite, AuditScope } from "../../store/audit_scopes.ts";
import type { AuditedChanges } from "../../store/audited_tables.ts";
import type { AuditEntry } from "../../store/audit.ts";
import type { AuditResource, AuditSource, CallEvent } from "./ocsf.ts";

/**
 * What of an operation is on record: each transaction that changes audited tables (`changes`); the call itself, in its
 * first transaction if it has one (`call`); or what its handler records (`own`).
 */
export type AuditMode = "changes" | "call" | "own";

/** A request to an operation. */
export interface AuditedRequest extends Omit<CallEvent, "kind" | "rejected" | "facts"> {
  readonly mode: AuditMode;
  readonly source: AuditSource;
}

/** The writes of one request, and which of them has its event. */
export class RequestScope implements AuditScope {
  /** The write that has the event of a call, once it is committed or while it runs. */
  #holder: AuditedWrite | undefined;
  #isIgnored = false;

  constructor(
    readonly request: AuditedRequest,
    private readonly entry: (event: CallEvent, source: AuditSource) => AuditEntry,
  ) {}

  /** Nothing of the request is on record from here on. */
  ignore(): void {
    this.#isIgnored = true;
  }

  /** The event of the call, if no transaction has it. */
  get missing(): CallEvent | undefined {
    const isCall = this.request.mode === "call" && !this.#isIgnored;
    return isCall && this.#holder === undefined
      ? this.#event({ list: [], earlier: [] })
      : undefined;
  }

  begin(): AuditedWrite {
    const write: AuditedWrite = {
      entryOf: (changes) => {
        const { mode, source } = this.request;
        if (mode === "own" || this.#isIgnored) return undefined;
        const isFirst = mode === "call" && (this.#holder ??= write) === write;
        if (!isFirst && changes.list.length === 0) return undefined;
        return this.entry(this.#event(changes), source);
      },
      ended: (isCommitted) => {
        if (!isCommitted && this.#holder === write) this.#holder = undefined;
      },
    };
    return write;
  }

  #event(changes: AuditedChanges): CallEvent {
    const { operation, activity, actor, resources } = this.request;
    const changed = distinct(changes);
    const named = changed.length === 0 ? resources : changed;
    return { kind: "call", operation, activity, actor, resources: named };
  }
}

/** Each changed resource once, in the order of the first change. */
function distinct({ list, earlier }: AuditedChanges): AuditResource[] {
  const byKey = new Map<string, AuditResource>();
  for (const { kind: type, id, name, namespace, change, facts } of list) {
    // An update by id does not say whose the resource is; the statement that made it did.
    const key = JSON.stringify([type, id, name, id === undefined ? namespace : undefined]);
    const first = byKey.get(key);
    byKey.set(key, {
      type,
      id,
      name,
      namespace: namespace ?? first?.namespace,
      change: first?.change === "created" && change === "updated" ? "created" : change,
      facts: { ...first?.facts, ...facts },
    });
  }
  return [...byKey.values()].map((resource) => ({
    ...resource,
    earlier: replacedBy(
      resource,
      earlier.filter(({ kind, id }) => kind === resource.type && id === resource.id),
    ),
  }));
}

/** What was otherwise until now. */
function replacedBy({ facts = {} }: AuditResource, earlier: AuditedChanges["earlier"]) {
  const before = Object.assign({}, ...earlier.map((one) => one.facts)) as typeof facts;
  return Object.fromEntries(
    Object.entries(before).filter(([name, value]) =>
      Object.hasOwn(facts, name) && JSON.stringify(facts[name]) !== JSON.stringify(value)
    ),
  );
}
