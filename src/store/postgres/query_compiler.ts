import {
  type BinaryOperationNode,
  type ColumnDefinitionNode,
  DataTypeNode,
  OperatorNode,
  PostgresQueryCompiler,
  PrimitiveValueListNode,
  RawNode,
} from "kysely";

/** Types of columns, as migrations name them, in the words of PostgreSQL. */
const COLUMN_TYPES: Readonly<Record<string, string>> = {
  text: 'text collate "C"',
  integer: "bigint",
  blob: "bytea",
};

/** Compiles what the store says for every database into what PostgreSQL takes. */
export class StoreQueryCompiler extends PostgresQueryCompiler {
  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    const type = DataTypeNode.is(node.dataType) ? COLUMN_TYPES[node.dataType.dataType] : undefined;
    super.visitColumnDefinition(
      type === undefined ? node : { ...node, dataType: RawNode.createWithSql(type) },
    );
  }

  /** PostgreSQL takes no empty list. */
  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    const { rightOperand: list, operator } = node;
    const isEmpty = PrimitiveValueListNode.is(list) && list.values.length === 0;
    const name = OperatorNode.is(operator) ? operator.operator : undefined;
    if (isEmpty && name === "in") this.append("false");
    else if (isEmpty && name === "not in") this.append("true");
    else super.visitBinaryOperation(node);
  }
}
