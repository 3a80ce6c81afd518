/** Finds what an expression of PromQL names that no server reports. */
import { parser } from "@prometheus-io/lezer-promql";
import { prometheusName } from "../../src/telemetry/metrics/names.ts";
import { type Metric, METRICS } from "../../src/telemetry/metrics/table.ts";

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

/** Labels that Prometheus adds to the series of a target. */
const OF_TARGETS = ["job", "instance"];
/** Series that Prometheus makes for each target. */
const UP = "up";

/** The labels of each series by its name in Prometheus. */
const SERIES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [UP, new Set(OF_TARGETS)],
  ...Object.entries<Metric>(METRICS).flatMap(([name, metric]) => seriesOf(name, metric)),
]);

function seriesOf(name: string, { kind, unit, labels = [] }: Metric): [string, Set<string>][] {
  const shown = prometheusName(name, unit, kind.endsWith("counter"));
  const own = [...OF_TARGETS, ...labels.map((label) => label.replaceAll(".", "_"))];
  if (kind !== "histogram") return [[shown, new Set(own)]];
  return [
    [`${shown}_bucket`, new Set([...own, "le"])],
    [`${shown}_sum`, new Set(own)],
    [`${shown}_count`, new Set(own)],
  ];
}

/** The faults of an expression: errors of syntax, and metrics and labels that do not exist. */
export function faultsOf(expression: string): string[] {
  const faults: string[] = [];
  const textOf = ({ from, to }: SyntaxNode) => expression.slice(from, to);
  const nodes = allBelow(parser.parse(expression).topNode);
  for (const node of nodes) {
    if (node.type.isError) faults.push(`syntax at ${node.from} of ${expression}`);
    if (node.name === "VectorSelector") {
      faults.push(...faultsOfSelector(node, textOf));
    }
    if (node.name === "GroupingLabels") {
      // The labels of an aggregation or of a matching belong to every series below.
      const series = allBelow(node.parent?.parent ?? node).filter(isSelector).map(nameOf(textOf));
      for (const label of node.getChildren("LabelName").map(textOf)) {
        for (const name of series) {
          if (!SERIES.get(name)?.has(label)) faults.push(`${name} has no label ${label}`);
        }
      }
    }
  }
  if (!nodes.some(isSelector)) faults.push(`${expression} has no metric`);
  return faults;
}

/** The labels of what an expression results in; a label of its text must be one of them. */
export function labelsOf(expression: string): ReadonlySet<string> {
  const textOf = ({ from, to }: SyntaxNode) => expression.slice(from, to);
  const nodes = allBelow(parser.parse(expression).topNode);
  // The series that topk chooses keep their labels.
  const grouped = nodes.find((node) =>
    node.name === "AggregateExpr" && !/^topk\b/.test(textOf(node))
  );
  if (grouped !== undefined) {
    const labels = grouped.getChild("AggregateModifier")?.getChild("GroupingLabels");
    return new Set(labels?.getChildren("LabelName").map(textOf) ?? []);
  }
  const selector = nodes.find(isSelector);
  return SERIES.get(selector === undefined ? "" : nameOf(textOf)(selector)) ?? new Set();
}

function faultsOfSelector(node: SyntaxNode, textOf: (node: SyntaxNode) => string): string[] {
  const name = nameOf(textOf)(node);
  const labels = SERIES.get(name);
  if (labels === undefined) return [`there is no metric ${name}`];
  return allBelow(node).filter(({ name }) => name === "LabelName" || name === "QuotedLabelName")
    .map(textOf).filter((label) => !labels.has(label))
    .map((label) => `${name} has no label ${label}`);
}

function isSelector(node: SyntaxNode): boolean {
  return node.name === "VectorSelector";
}

function nameOf(textOf: (node: SyntaxNode) => string): (selector: SyntaxNode) => string {
  return (selector) => {
    const name = selector.getChild("Identifier");
    return name === null ? "" : textOf(name);
  };
}

/** A node and all nodes below it. */
function allBelow(node: SyntaxNode): SyntaxNode[] {
  const found = [node];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    found.push(...allBelow(child));
  }
  return found;
}
