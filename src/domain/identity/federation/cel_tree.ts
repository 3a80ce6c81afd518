/** Checks the tree of a CEL expression, and adds the steps of its loops to it. */
import { parse } from "@bufbuild/cel";

/** A node of the tree. */
type Expr = ReturnType<typeof parse>["expr"];
type Comprehension = Extract<Expr["exprKind"], { case: "comprehensionExpr" }>["value"];

/** A loop in a loop; three of them take the cube of the time. */
const LOOP_DEPTH_MAX = 2;
/** What expressions call by name. */
const FUNCTIONS = [
  "contains",
  "startsWith",
  "endsWith",
  "matches",
  "size",
  "url",
  "string",
  "int",
  "double",
  "bool",
] as const;
const OPERATORS = [
  "_&&_",
  "_||_",
  "!_",
  "_?_:_",
  "_==_",
  "_!=_",
  "_<_",
  "_<=_",
  "_>_",
  "_>=_",
  "@in",
  "_[_]",
  "_+_",
  "_-_",
  "_*_",
  "_/_",
  "_%_",
  "-_",
  "@not_strictly_false",
];
const KNOWN: ReadonlySet<string> = new Set([...FUNCTIONS, ...OPERATORS]);
const MACROS = "has, all, exists, exists_one, filter, map";
/** Calls whose value is never a boolean. */
const NOT_BOOLEAN = new Set([
  "size",
  "url",
  "string",
  "int",
  "double",
  "_+_",
  "_-_",
  "_*_",
  "_/_",
  "_%_",
  "-_",
]);

/**
 * Checks names, loops, literal patterns, and that the value can be a boolean.
 * @param checkPattern throws for a pattern that does not compile
 * @throws Error whose message says what is wrong
 */
export function checkExpression(root: Expr, checkPattern: (pattern: string) => void): void {
  check(root, { variables: new Set(["claims"]), loops: 0, checkPattern });
  if (!canBeBoolean(root)) throw new Error("its value is not a boolean");
}

interface Scope {
  readonly variables: ReadonlySet<string>;
  readonly loops: number;
  readonly checkPattern: (pattern: string) => void;
}

function check(expr: Expr, scope: Scope): void {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case "identExpr": {
      const { name } = exprKind.value;
      if (scope.variables.has(name)) return;
      throw new Error(`${name} is unknown; a claim is claims.NAME`);
    }
    case "callExpr":
      checkCall(exprKind.value, scope);
      break;
    case "structExpr":
      if (exprKind.value.messageName === "") break;
      throw new Error(`${exprKind.value.messageName}{} is not available`);
    case "comprehensionExpr":
      checkLoop(exprKind.value, scope);
      return;
  }
  for (const child of childrenOf(expr)) check(child, scope);
}

function checkCall(
  call: Extract<Expr["exprKind"], { case: "callExpr" }>["value"],
  { checkPattern }: Scope,
): void {
  const { function: name, target, args } = call;
  if (!KNOWN.has(name)) {
    throw new Error(`${name} is not a function; available are ${FUNCTIONS.join(", ")}, ${MACROS}`);
  }
  if (name !== "matches") return;
  const { exprKind } = args.at(-1) ?? {};
  if (target === undefined || args.length !== 1) {
    throw new Error("matches needs a text and a pattern, as in claims.ref.matches('^refs/')");
  }
  if (exprKind?.case !== "constExpr" || exprKind.value.constantKind.case !== "stringValue") return;
  checkPattern(exprKind.value.constantKind.value);
}

function checkLoop(loop: Comprehension, scope: Scope): void {
  const loops = scope.loops + 1;
  if (loops > LOOP_DEPTH_MAX) {
    throw new Error(
      `${MACROS.slice("has, ".length)} may be nested once; here is one within one within one`,
    );
  }
  const variables = new Set([...scope.variables, loop.accuVar, loop.iterVar]);
  const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
  for (const part of [iterRange, accuInit]) if (part !== undefined) check(part, scope);
  for (const part of [loopCondition, loopStep, result]) {
    if (part !== undefined) check(part, { ...scope, variables, loops });
  }
}

function canBeBoolean(expr: Expr): boolean {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case "constExpr":
      return exprKind.value.constantKind.case === "boolValue";
    case "listExpr":
    case "structExpr":
      return false;
    case "identExpr":
      return exprKind.value.name !== "claims";
    case "callExpr": {
      const { function: name, args } = exprKind.value;
      return name === "_?_:_" ? args.slice(1).every(canBeBoolean) : !NOT_BOOLEAN.has(name);
    }
    case "comprehensionExpr":
      // The loops of `filter` and `map` begin with an empty list.
      return exprKind.value.accuInit?.exprKind.case !== "listExpr";
    default:
      return true;
  }
}

function childrenOf({ exprKind }: Expr): readonly Expr[] {
  const present = (...exprs: (Expr | undefined)[]) => exprs.filter((one) => one !== undefined);
  switch (exprKind.case) {
    case "selectExpr":
      return present(exprKind.value.operand);
    case "callExpr":
      return present(exprKind.value.target, ...exprKind.value.args);
    case "listExpr":
      return exprKind.value.elements;
    case "structExpr":
      return exprKind.value.entries.flatMap(({ keyKind, value }) =>
        present(keyKind.case === "mapKey" ? keyKind.value : undefined, value)
      );
    case "comprehensionExpr": {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return present(iterRange, accuInit, loopCondition, loopStep, result);
    }
    default:
      return [];
  }
}

/**
 * Lets each loop call `@range` with what it loops over, and each of its iterations `@iteration` with the nodes that the iteration
 * evaluates. The tree is changed.
 */
export function meterLoops(expr: Expr): Expr {
  for (const child of childrenOf(expr)) meterLoops(child);
  if (expr.exprKind.case !== "comprehensionExpr") return expr;
  const loop = expr.exprKind.value;
  const { iterRange, loopCondition, loopStep } = loop;
  if (iterRange === undefined || loopCondition === undefined || loopStep === undefined) {
    throw new Error("a loop is incomplete");
  }
  const steps = countOf(loopCondition) + countOf(loopStep);
  loop.loopCondition = call("@iteration", `f(true, ${steps})`, loopCondition);
  loop.iterRange = call("@range", "f(true)", iterRange);
  return expr;
}

function countOf(expr: Expr): number {
  return childrenOf(expr).reduce((sum, child) => sum + countOf(child), 1);
}

/** @param sample a call whose first argument is replaced */
function call(name: string, sample: string, argument: Expr): Expr {
  const { expr } = parse(sample);
  if (expr.exprKind.case !== "callExpr") throw new TypeError(`${sample} is not a call`);
  expr.exprKind.value.function = name;
  expr.exprKind.value.args[0] = argument;
  return expr;
}
