/**
 * The changes of writes, for live views and for the rows that are kept in memory. A statement is recognised by its table,
 * whichever writer runs it.
 */
import {
  AndNode,
  BinaryOperationNode,
  ColumnNode,
  DeleteQueryNode,
  InsertQueryNode,
  type KyselyPlugin,
  type OperationNode,
  OperatorNode,
  ParensNode,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  PrimitiveValueListNode,
  type QueryId,
  type QueryResult,
  ReferenceNode,
  type RootOperationNode,
  TableNode,
  type UnknownRow,
  UpdateQueryNode,
  ValueNode,
  ValuesNode,
} from "kysely";
import { AUDITED, type AuditedChange, type AuditedChanges, factsOf } from "./audited_tables.ts";
import { KEPT, type RowCache } from "./row_cache.ts";
import type { Schema } from "./schema.ts";

type ChangedKind = "function" | "commit" | "invocation" | "trigger" | "volume";

/** The change of a statement; without an id if the statement names several rows, or does not name them by id. */
export interface Change {
  readonly kind: ChangedKind;
  readonly id?: string;
  readonly functionId?: string;
}

/** The tables of what is shown, and the columns that name it. */
const TABLES: Readonly<
  Record<string, { readonly kind: ChangedKind; readonly id: string; readonly functionId?: string }>
> = {
  functions: { kind: "function", id: "id" },
  functionSecrets: { kind: "function", id: "functionId" },
  destinationSecrets: { kind: "function", id: "functionId" },
  publishes: { kind: "function", id: "functionId" },
  commits: { kind: "commit", id: "id", functionId: "functionId" },
  tags: { kind: "commit", id: "commitId", functionId: "functionId" },
  triggers: { kind: "trigger", id: "id", functionId: "functionId" },
  schedules: { kind: "trigger", id: "triggerId" },
  deliveries: { kind: "trigger", id: "triggerId" },
  invocations: { kind: "invocation", id: "id", functionId: "functionId" },
  volumes: { kind: "volume", id: "id" },
  volumeVersions: { kind: "volume", id: "volumeId" },
};

/** What one write has changed. */
export interface WriteChanges {
  /** For live views; nobody hears of them before {@link Changes.publish}. */
  list: Change[];
  /** Whether rows may have changed that are kept in memory; then {@link RowCache.ended} follows the write. */
  areKept: boolean;
  /** Changes of audited tables; undefined for a write whose changes are not audited. */
  audited: AuditedChanges | undefined;
  /** Whether the write may append to the audit log. */
  readonly mayAppend: boolean;
}

/** Sees every statement of the writers except statements that are compiled once, whose callers note them. */
export class Changes implements KyselyPlugin {
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  /** What statements that run would change, for the audit log. */
  readonly #auditedBy = new WeakMap<QueryId, AuditedChange>();
  /** Of the write that runs; the writers run one after another. */
  current: WriteChanges | undefined;

  /** @param cache hears of a change of kept rows before its statement runs */
  constructor(private readonly cache: Pick<RowCache, "begun">) {}

  /** Reports what a write has changed, once it is acknowledged. */
  publish(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    for (const listener of this.#listeners) listener(changes);
  }

  /** Calls the listener with the changes of each write of this process. */
  subscribe(listener: (changes: readonly Change[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Notes a change of the write that runs. */
  note(change: Change): void {
    this.current?.list.push(change);
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs): RootOperationNode {
    const table = this.current && tableOf(node);
    if (this.current === undefined || table === undefined) return node;
    if (KEPT.has(table) && !this.current.areKept) {
      this.current.areKept = true;
      this.cache.begun();
    }
    if (this.#listeners.size > 0) noteStatement(node, table, this.current.list);
    if (this.current.audited !== undefined) {
      const change = auditedChange(node, table);
      if (change !== undefined) this.#auditedBy.set(queryId, change);
    }
    return node;
  }

  transformResult(
    { result, queryId }: PluginTransformResultArgs,
  ): Promise<QueryResult<UnknownRow>> {
    // A statement that finds no row changes nothing.
    if (this.current?.audited !== undefined && result.numAffectedRows !== 0n) {
      const change = this.#auditedBy.get(queryId);
      if (change !== undefined) this.current.audited.list.push(change);
    }
    return Promise.resolve(result);
  }
}

function noteStatement(node: RootOperationNode, name: string, into: Change[]): void {
  const table = TABLES[name];
  if (table === undefined) return;
  const valueOf = (column: string | undefined) =>
    column === undefined ? undefined : textOf(valueIn(node, column));
  const [id, functionId] = [valueOf(table.id), valueOf(table.functionId)];
  into.push({
    kind: table.kind,
    ...id === undefined ? {} : { id },
    ...functionId === undefined ? {} : { functionId },
  });
}

/** The change of an audited table; undefined for another table. */
function auditedChange(node: RootOperationNode, name: string): AuditedChange | undefined {
  const table = AUDITED[name as keyof Schema];
  if (table === undefined) return undefined;
  const valueOf = (column: string | undefined) =>
    column === undefined ? undefined : textOf(valueIn(node, column));
  const facts = factsOf(name as keyof Schema, (column) => setValue(node, column));
  return {
    kind: table.kind,
    change: InsertQueryNode.is(node) ? "created" : DeleteQueryNode.is(node) ? "deleted" : "updated",
    id: valueOf(table.id),
    name: valueOf(table.name),
    namespace: valueOf(table.namespace),
    ...Object.keys(facts).length === 0 ? {} : { facts },
  };
}

/** The table that a statement writes; undefined for a query. */
function tableOf(node: RootOperationNode): string | undefined {
  const table = InsertQueryNode.is(node)
    ? node.into
    : UpdateQueryNode.is(node)
    ? node.table
    : DeleteQueryNode.is(node)
    ? node.from.froms[0]
    : undefined;
  return table !== undefined && TableNode.is(table) ? table.table.identifier.name : undefined;
}

/** The value that a statement gives a column, or compares it with; undefined for several. */
function valueIn(node: RootOperationNode, column: string): unknown {
  if (InsertQueryNode.is(node)) return insertedValue(node, column);
  if (UpdateQueryNode.is(node) || DeleteQueryNode.is(node)) {
    return comparedValue(node.where?.where, column);
  }
  return undefined;
}

/** The value that a statement sets; undefined for a column that stays, and for what a new row leaves empty. */
function setValue(node: RootOperationNode, column: string): unknown {
  if (InsertQueryNode.is(node)) {
    const value = insertedValue(node, column);
    return value === null || value === 0 || value === "[]" ? undefined : value;
  }
  if (!UpdateQueryNode.is(node)) return undefined;
  const set = node.updates?.find((update) =>
    ColumnNode.is(update.column) && update.column.column.name === column
  );
  return set !== undefined && ValueNode.is(set.value) ? set.value.value : undefined;
}

function insertedValue({ columns = [], values }: InsertQueryNode, column: string): unknown {
  const at = columns.findIndex((node) => node.column.name === column);
  const [row, ...others] = values !== undefined && ValuesNode.is(values) ? values.values : [];
  if (at < 0 || row === undefined || others.length > 0) return undefined;
  if (PrimitiveValueListNode.is(row)) return row.values[at];
  const value = row.values[at];
  return value !== undefined && ValueNode.is(value) ? value.value : undefined;
}

function comparedValue(node: OperationNode | undefined, column: string): unknown {
  if (node === undefined) return undefined;
  if (AndNode.is(node)) {
    return comparedValue(node.left, column) ?? comparedValue(node.right, column);
  }
  if (ParensNode.is(node)) return comparedValue(node.node, column);
  if (!BinaryOperationNode.is(node)) return undefined;
  const { leftOperand, operator, rightOperand } = node;
  const isOfColumn = ReferenceNode.is(leftOperand) && ColumnNode.is(leftOperand.column) &&
    leftOperand.column.column.name === column;
  const isEqual = OperatorNode.is(operator) && operator.operator === "=";
  return isOfColumn && isEqual && ValueNode.is(rightOperand) ? rightOperand.value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
